"""What offices are there for, written down: classifier/knowledge/*.toml, one file a function, as rows to learn from.

No line in it was ever sent by a citizen. The author wrote what citizens could write: in standard Indonesian, as in a
chat, in Palembang Malay and as people speak elsewhere; and the services, documents and objects of each office.
"""

import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path

from classifier.examples import Example, key_of
from classifier.labels import read_names
from classifier.text import normalise

STYLES = ("formal", "informal", "palembang", "other", "stories")
"""Lines as citizens would write them, by how they speak."""

TERMS = ("services", "documents", "objects")
"""Names of things that an office is there for."""

SOURCE = "knowledge"
FOLDER = Path(__file__).with_name("knowledge")
_SPOKEN = Path(__file__).with_name("spoken.toml")


def read_knowledge(folder: Path = FOLDER) -> list[Example]:
    """Return every line and term that has a word in it as an example of its function. Raises OSError or ValueError."""
    known = read_names().functions
    return [example for path in sorted(folder.glob("*.toml")) for example in _examples(path, known)]


def read_spoken(path: Path = _SPOKEN) -> list[Example]:
    """Return the lines in Palembang, informal and other spelling that nothing learns from; `channel` is the variety."""
    lines = tomllib.loads(path.read_text(encoding="utf-8"))["line"]
    return [
        Example(
            text=normalise(line["text"]),
            labels={"functions": line["function"], "topics": "", "report_class": ""},
            key=key_of(line["text"]),
            source="spoken",
            channel=line["variety"],
        )
        for line in lines
    ]


def _examples(path: Path, known: Collection[str]) -> Iterator[Example]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        function = table["function"]
    except (tomllib.TOMLDecodeError, KeyError) as error:
        raise ValueError(f"knowledge/{path.name}: {error}") from error
    if function not in known or path.stem != function:
        raise ValueError(f"knowledge/{path.name}: {function!r} is not a function, or not this file's")
    for style in STYLES + TERMS:
        for line in table.get(style, ()):
            labels = {"functions": function, "topics": "", "report_class": ""}
            if text := normalise(line):  # a code such as "F-1.01" says nothing to a model of words
                yield Example(text, labels, key_of(line), SOURCE, channel=style)
