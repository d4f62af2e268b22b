"""The regions are complete, form a tree, and translate BPS codes."""

from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.regions import Regions, load, load_bps, load_villages

REGIONS = load()
VILLAGES = load_villages(REGIONS)
TREE = Regions(REGIONS)
WHOLE = Regions((*REGIONS, *VILLAGES))


@pytest.mark.parametrize(("province", "kabkota", "kecamatan"), [("16", 17, 241), ("73", 24, 313)])
def test_both_provinces_are_complete(province: str, kabkota: int, kecamatan: int) -> None:
    kinds = Counter(region.kind for region in REGIONS if region.code.startswith(province))
    assert kinds["provinsi"] == 1
    assert kinds["kabupaten"] + kinds["kota"] == kabkota
    assert kinds["kecamatan"] == kecamatan


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("16.01", 13), ("16.02", 18), ("16.03", 22), ("16.04", 24), ("16.05", 14), ("16.06", 15), ("16.07", 21),
        ("16.08", 20), ("16.09", 19), ("16.10", 16), ("16.11", 10), ("16.12", 5), ("16.13", 7), ("16.71", 18),
        ("16.72", 5), ("16.73", 8), ("16.74", 6),
    ],
)  # fmt: skip
def test_every_kabkota_of_sumsel_has_its_kecamatan(code: str, count: int) -> None:
    assert sum(region.parent == code for region in REGIONS) == count


@pytest.mark.parametrize(("province", "kelurahan", "desa"), [("16", 403, 2856), ("73", 793, 2266)])
def test_the_villages_of_both_provinces_are_complete(province: str, kelurahan: int, desa: int) -> None:
    kinds = Counter(region.kind for region in VILLAGES if region.code.startswith(province))
    assert kinds == {"kelurahan": kelurahan, "desa": desa}


def test_every_kecamatan_has_a_village() -> None:
    assert {region.parent for region in VILLAGES} == {region.code for region in REGIONS if region.kind == "kecamatan"}


def test_villages_of_other_kecamatan_are_not_loaded() -> None:
    one = [region for region in REGIONS if region.code == "16.71.17"]
    assert {region.name for region in load_villages(one)} == {
        "8 Ulu", "9-10 Ulu", "15 Ulu", "Silaberanti", "Tuan Kentang",
    }  # fmt: skip


def test_codes_are_unique_and_form_a_tree() -> None:
    seen: set[str] = set()
    for region in (*REGIONS, *VILLAGES):
        assert region.code not in seen
        assert region.parent == region.code.rpartition(".")[0]
        assert region.kind == "provinsi" or region.parent in seen
        assert all(alias.strip() == alias != region.name for alias in region.aliases)
        assert len(set(region.aliases)) == len(region.aliases)
        seen.add(region.code)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("16", "Provinsi Sumatera Selatan"),
        ("16.06", "Kabupaten Musi Banyuasin"),
        ("16.71", "Kota Palembang"),
        ("16.71.04", "Ilir Barat I"),
        ("73.71.03", "Makassar"),
        ("16.71.01.1001", "35 Ilir"),
        ("16.71.05.1007", "20 Ilir III"),
        ("16.71.02.1004", "3-4 Ulu"),
        ("16.71.07.1007", "Kebun Bunga"),
        ("16.02.03.2005", "Pedamaran III"),
    ],
)
def test_names_are_those_that_people_write(code: str, name: str) -> None:
    assert WHOLE.by_code[code].name == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("16", "Provinsi Sumatera Selatan"),
        ("16.71", "Kota Palembang"),
        ("16.71.02", "Kecamatan Seberang Ulu I, Kota Palembang"),
        ("16.71.02.1006", "Kelurahan 7 Ulu, Seberang Ulu I, Kota Palembang"),
        ("16.06.01.2002", "Desa Lumpatan, Sekayu, Kabupaten Musi Banyuasin"),
    ],
)
def test_the_full_name_says_where_a_region_lies(code: str, name: str) -> None:
    assert WHOLE.full_name(code) == name


def test_an_unknown_code_has_no_full_name() -> None:
    with pytest.raises(KeyError):
        WHOLE.full_name("33.01")


def test_a_village_leads_to_its_kecamatan() -> None:
    for code in ("16.71.01.1001", "16.71.01", "16.71.01.9999"):
        district = WHOLE.kecamatan_of(code)
        assert district is not None
        assert district.code == "16.71.01"
    assert WHOLE.kecamatan_of("16.71") is None
    assert WHOLE.kecamatan_of("33.01.01.1001") is None
    assert WHOLE.kecamatan_of(None) is None


@pytest.mark.parametrize("tree", [TREE, WHOLE], ids=["larger", "whole"])
def test_the_tree_answers_upwards(tree: Regions) -> None:
    for code in ("16.71", "16.71.01", "16.71.01.1001"):
        kabkota = tree.kabkota_of(code)
        province = tree.province_of(code)
        assert kabkota is not None
        assert kabkota.code == "16.71"
        assert province is not None
        assert province.code == "16"
    assert tree.kabkota_of("16") is None
    assert tree.kabkota_of("33.01") is None
    assert tree.province_of(None) is None


def test_an_unknown_kelurahan_leads_to_its_kecamatan() -> None:
    region = WHOLE.nearest("16.71.01.1099")
    assert region is not None
    assert region.code == "16.71.01"


def test_each_province_keeps_its_time() -> None:
    assert TREE.timezone_of("16.06.01") == ZoneInfo("Asia/Jakarta")
    assert TREE.timezone_of("73.71") == ZoneInfo("Asia/Makassar")
    assert WHOLE.timezone_of("73.71.12.1004") == ZoneInfo("Asia/Makassar")
    with pytest.raises(KeyError):
        TREE.timezone_of("33.01")


@pytest.mark.parametrize(
    ("bps", "name"),
    [
        ("1608", "Kabupaten Ogan Komering Ulu Selatan"),
        ("1609", "Kabupaten Ogan Komering Ulu Timur"),
        ("1672", "Kota Prabumulih"),
        ("1673", "Kota Pagar Alam"),
        ("1674", "Kota Lubuk Linggau"),
        ("1606", "Kabupaten Musi Banyuasin"),
        ("1671", "Kota Palembang"),
        ("7308", "Kabupaten Maros"),
        ("7309", "Kabupaten Pangkajene dan Kepulauan"),
        ("7310", "Kabupaten Barru"),
        ("7311", "Kabupaten Bone"),
        ("7325", "Kabupaten Luwu Timur"),
        ("16", "Provinsi Sumatera Selatan"),
        ("1608010", "Kabupaten Ogan Komering Ulu Selatan"),
    ],
)
def test_a_bps_code_is_not_a_kemendagri_code(bps: str, name: str) -> None:
    code = TREE.from_bps(bps)
    assert code is not None
    assert TREE.by_code[code].name == name


def test_every_kabkota_has_exactly_one_bps_code() -> None:
    kabkota = {region.code for region in REGIONS if region.kind in ("kabupaten", "kota")}
    own = {code.replace(".", "") for code in kabkota} - {"7324"} | set(load_bps())
    assert Counter(TREE.from_bps(bps) for bps in own) == Counter(kabkota)


@given(st.text(max_size=20) | st.from_regex(r"[0-9.]{0,15}", fullmatch=True))
def test_questions_about_any_code_get_an_answer(code: str) -> None:
    TREE.province_of(code)
    TREE.kabkota_of(code)
    WHOLE.kecamatan_of(code)
    found = TREE.from_bps(code)
    assert found is None or found in TREE.by_code
