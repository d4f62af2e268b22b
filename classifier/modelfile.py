"""The model as a file: numbers and names of labels in a skops archive that runs no code, sealed by a SHA-256.

`pack` and `unpack` turn a Model into bytes and back; equal models give equal bytes. Whatever is not exactly the
expected file is refused.
"""

import hashlib
import io
import itertools
import json
import math
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from numpy.typing import NDArray

from classifier.features import SIZE, Floats
from classifier.head import Bands, Calibration, Head

PATH = Path(__file__).with_name("model.skops")
HEADS = ("functions", "topics", "report_class")

_FORMAT = 2
_LIMIT = 32 * 2**20  # bytes; ours is far below, and a larger one is not worth hashing
_KINDS = frozenset(
    {
        ("builtins", "dict", "DictNode"),
        ("builtins", "list", "ListNode"),
        ("builtins", "str", "JsonNode"),  # texts and numbers alike
        ("builtins", "str", "TypeNode"),  # the types of the keys
        ("numpy", "ndarray", "NdArrayNode"),
    }
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip archive knows


class ModelRefused(ValueError):
    """The model file is missing, changed, or not of the expected make; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Model:
    """The rarity of each column (SIZE,) float32, the heads by name in the order of HEADS, and the functions' bands.

    `vocabulary` (sorted uint32) and `seen` (sorted uint64) hold the words that it knows and the keys of the reports
    that it learned from: hashes, which show no word.
    """

    rarities: Floats
    heads: dict[str, Head]
    bands: Bands
    vocabulary: NDArray[np.uint32]
    seen: NDArray[np.uint64]


def pack(model: Model) -> bytes:
    """Return the model as the bytes of a skops archive. Raises ValueError for a model that lacks a head."""
    tree: dict[str, Any] = {
        "format": _FORMAT,
        "rarities": model.rarities,
        "bands": list(astuple(model.bands)),
        "vocabulary": model.vocabulary,
        "seen": model.seen,
    }
    missing = [name for name in HEADS if name not in model.heads]
    if missing:
        raise ValueError(f"the model has learned nothing of {', '.join(missing)}: too few labels in the reports")
    for name in HEADS:
        head = model.heads[name]
        tree[name] = {
            "labels": list(head.labels),
            "weights": head.weights,
            "scale": head.scale,
            "intercept": head.intercept,
            "temperature": head.calibration.temperature,
            "doubt": head.calibration.doubt,
        }
    return _canonical(skops.io.dumps(tree))


def unpack(data: bytes) -> Model:
    """Return the model in the bytes of a skops archive, or raise ModelRefused."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            schema = json.loads(archive.read("schema.json"))
        kinds = set(_kinds(schema))
    except (zipfile.BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise ModelRefused("The model file is not a skops archive.") from error
    if kinds != _KINDS:
        strange = ", ".join(sorted(f"{module}.{name} ({loader})" for module, name, loader in kinds ^ _KINDS))
        raise ModelRefused(f"The model file does not hold exactly the expected types; the difference is: {strange}.")
    try:
        # Ours are types that skops knows by heart: nothing beyond them is trusted.
        tree = skops.io.loads(data, trusted=[])
        if tree["format"] != _FORMAT:
            raise ModelRefused(f"The model file has format {tree['format']!r}, and this code reads format {_FORMAT}.")
        rarities = _array(tree["rarities"], np.float32, (SIZE,))
        return Model(
            rarities=rarities,
            heads={name: _head(tree[name]) for name in HEADS},
            bands=_bands(tree["bands"]),
            vocabulary=_array(tree["vocabulary"], np.uint32, (len(tree["vocabulary"]),)),
            seen=_array(tree["seen"], np.uint64, (len(tree["seen"]),)),
        )
    except ModelRefused:
        raise
    # A sealed file cannot get here with strange contents, an unsealed one with any: refused alike, whatever broke.
    except Exception as error:
        raise ModelRefused("The model file does not hold the expected numbers and labels.") from error


def seal(data: bytes) -> str:
    """Return the SHA-256 of the file in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def read(path: Path = PATH) -> tuple[Model, str]:
    """Return the model in the file, and its version: day of training, dot, the first 8 digits of the SHA-256.

    The SHA-256 is expected in the .toml of the same name beside the file. Raises ModelRefused.
    """
    facts = path.with_suffix(".toml")
    try:
        expected = tomllib.loads(facts.read_text(encoding="utf-8"))
        digest, trained = str(expected["sha256"]), str(expected["trained"])
    except (OSError, KeyError, ValueError) as error:
        raise ModelRefused(f"The model's facts in {facts.name} are missing or cannot be read.") from error
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT + 1)
    except OSError as error:
        raise ModelRefused(f"The model file {path.name} is missing or cannot be read.") from error
    if len(data) > _LIMIT or seal(data) != digest:
        raise ModelRefused(f"The model file {path.name} is not the one whose SHA-256 stands in {facts.name}.")
    return unpack(data), f"{trained}.{digest[:8]}"


def _kinds(node: Any) -> Iterator[tuple[str, str, str]]:
    """Yield module, class and loader of every value named anywhere in a skops schema."""
    if isinstance(node, dict):
        if "__loader__" in node:
            yield str(node.get("__module__")), str(node.get("__class__")), str(node["__loader__"])
        for child in node.values():
            yield from _kinds(child)
    elif isinstance(node, list):
        for child in node:
            yield from _kinds(child)


def _head(tree: Any) -> Head:
    labels = tuple(tree["labels"])
    calibration = Calibration(tree["temperature"], tree["doubt"])
    if len(labels) < 2 or len(set(labels)) != len(labels) or not all(isinstance(label, str) for label in labels):
        raise ValueError("labels")
    if not all(isinstance(number, float) for number in (calibration.temperature, calibration.doubt)):
        raise ValueError("calibration")
    if not (0 < calibration.temperature < math.inf and 0 <= calibration.doubt < 1):
        raise ValueError("calibration")
    return Head(
        labels=labels,
        weights=_array(tree["weights"], np.int8, (SIZE, len(labels))),
        scale=_array(tree["scale"], np.float32, (len(labels),)),
        intercept=_array(tree["intercept"], np.float32, (len(labels),)),
        calibration=calibration,
    )


def _bands(numbers: Any) -> Bands:
    bands = Bands(*numbers)
    if not all(isinstance(number, float) and math.isfinite(number) for number in astuple(bands)):
        raise ValueError("bands")
    return bands


def _array(value: Any, dtype: type[np.generic], shape: tuple[int, ...]) -> Any:
    if not isinstance(value, np.ndarray) or value.dtype != dtype or value.shape != shape:
        raise ValueError("array")
    if not np.isfinite(value).all():
        raise ValueError("array")
    value.flags.writeable = False  # threads share it
    return value


def _canonical(data: bytes) -> bytes:
    """Return the archive without its chances: skops writes addresses of memory and the time of day into it."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        schema = json.loads(archive.read("schema.json"))
        members = {name: archive.read(name) for name in archive.namelist() if name != "schema.json"}
    names: dict[str, str] = {}
    _renumber(schema, itertools.count(1), names)
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w") as archive:
        files = [(names[name], content) for name, content in members.items()]
        for name, content in [*sorted(files), ("schema.json", json.dumps(schema).encode())]:
            entry = zipfile.ZipInfo(name, _EPOCH)
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=6)
    return result.getvalue()


def _renumber(node: Any, numbers: Iterator[int], names: dict[str, str]) -> None:
    """Number all values one by one, and their files by first appearance, in place."""
    if isinstance(node, dict):
        if "__id__" in node:
            node["__id__"] = next(numbers)
        if node.get("__loader__") == "NdArrayNode" and "file" in node:
            node["file"] = names.setdefault(node["file"], f"{len(names) + 1:02}.npy")
        for child in node.values():
            _renumber(child, numbers, names)
    elif isinstance(node, list):
        for child in node:
            _renumber(child, numbers, names)
