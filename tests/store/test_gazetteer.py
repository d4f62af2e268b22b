"""Places are found in the words of citizens, and ordinary words are not taken for places."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.gazetteer import Gazetteer
from store.regions import Regions, load

REGIONS = Regions(load())
GAZETTEER = Gazetteer(REGIONS)

# line, region, the citizen's own spelling
CERTAIN = [
    ("jalan depan smp 1 sekayu lah lame rusak dak galo dibenahi", "16.06.01", "sekayu"),
    ("listrik mati dari tadi di 7 Ulu", "16.71.02", "7 Ulu"),
    ("tolong ada kebakaran di plaju SEKARANG", "16.71.14", "plaju"),
    ("banyu PDAM dak ngalir 3 hari di kec. kalidoni palembang", "16.71.10", "kalidoni"),
    ("sampah dak diangkut di Ilir Barat 1 min", "16.71.04", "Ilir Barat 1"),
    ("Kec. Ilir Timur Dua, Kota Palembang", "16.71.06", "Ilir Timur Dua"),
    ("seberang ulu ii banjir terus", "16.71.03", "seberang ulu ii"),
    ("lampu mati di alang alang lebar", "16.71.15", "alang alang lebar"),
    ("macet di jakabaring tiap sore", "16.71.17", "jakabaring"),
    ("dipalembang banyak begal", "16.71", "palembang"),
    ("#PALEMBANG banjir lagi!!", "16.71", "PALEMBANG"),
    ("wong plembang galo ngeluh", "16.71", "plembang"),
    ("jembatan putus di muba", "16.06", "muba"),
    ("pemkab Musi Banyuasin tolong perhatikan", "16.06", "Musi Banyuasin"),
    ("jalan kami di banyuasin hancur", "16.07", "banyuasin"),
    ("di Banyuasin 2 minggu mati lampu", "16.07", "Banyuasin"),
    ("kec banyuasin II belum ada sinyal", "16.07.02", "banyuasin II"),
    ("di belitang 3 hari listrik padam", "16.08.03", "belitang"),
    ("warung kami di belitang 3, oku timur", "16.08.10", "belitang 3"),
    ("musi rawas", "16.05", "musi rawas"),
    ("kab musi rawas utara", "16.13", "musi rawas utara"),
    ("muratara blm ada dokter", "16.13", "muratara"),
    ("pupuk langka di oku timur pak", "16.08", "oku timur"),
    ("disdukcapil OKUS lambat", "16.09", "OKUS"),
    ("pelayanan oku baturaja", "16.01", "oku"),
    ("kebakaran lahan di OKI", "16.02", "OKI"),
    ("kayu agung oki, got mampet", "16.02.05", "kayu agung"),
    ("Kec. Kota Kayuagung", "16.02.05", "Kota Kayuagung"),
    ("di OI jalan berlubang", "16.10", "OI"),
    ("kab. mura jalannya jelek", "16.05", "mura"),
    ("PALI belum ada angkutan", "16.12", "PALI"),
    ("linggau sering mati lampu", "16.73", "linggau"),
    ("lubuklinggau timur 1 banjir", "16.73.01", "lubuklinggau timur 1"),
    ("warga pagaralam selatan", "16.72.02", "pagaralam selatan"),
    ("saya tinggal di Lahat", "16.04", "Lahat"),
    ("kec. Lahat kab. Lahat", "16.04.10", "Lahat"),
    ("desa sukarami kab lahat", "16.04", "lahat"),
    ("SMA 2 Ulu Musi atapnya roboh", "16.11.03", "Ulu Musi"),
    ("4 lawang", "16.11", "4 lawang"),
    ("kecamatan simpang, oku selatan", "16.09.05", "simpang"),
    ("di betung arah palembang longsor", "16.07.05", "betung"),
    ("saya orang lahat, kejadian di palembang", "16.71", "palembang"),
    ("gubernur SUMSEL tolong", "16", "SUMSEL"),
    ("se-sulsel paling parah", "73", "sulsel"),
    ("banjir di makassar kodong", "73.71", "makassar"),
    ("kecamatan makassar", "73.71.03", "makassar"),
    ("tabe' di panakukang macet sekali mi", "73.71.09", "panakukang"),
    ("Wajo, Makassar", "73.71.05", "Wajo"),
    ("kab. wajo", "73.13", "wajo"),
    ("Tempe, Wajo", "73.13.06", "Tempe"),
    ("harga tempe di sengkang naik", "73.13", "sengkang"),
    ("ujung parepare", "73.72.02", "ujung"),
    ("wara kota palopo", "73.73.01", "wara"),
    ("Balusu kab. Barru", "73.11.07", "Balusu"),
    ("balusu toraja", "73.26.10", "balusu"),
    ("rantepao toraja", "73.26.01", "rantepao"),
    ("tator jalannya rusak", "73.18", "tator"),
    ("irigasi sidrap kering", "73.14", "sidrap"),
    ("di sungguminasa air mati", "73.06", "sungguminasa"),
    ("bone bone luwu utara", "73.22.02", "bone bone"),
    ("bone", "73.08", "bone"),
    ("kec Sa’dan, Toraja Utara", "73.26.06", "Sa’dan"),
    ("pare-pare panas tawwa", "73.72", "pare-pare"),
    ("𝗣𝗮𝗹𝗲𝗺𝗯𝗮𝗻𝗴", "16.71", "𝗣𝗮𝗹𝗲𝗺𝗯𝗮𝗻𝗴"),
]  # fmt: skip

# line, region: a place is named, but better ask
UNCERTAIN = [
    ("ilir barat", "16.71"),
    ("semende belum ada sinyal", "16.03"),
    ("Balusu", "73"),
    ("di cenrana banjir", "73"),
    ("toraja", "73"),
    ("jl kemuning berlubang", "16.71.09"),
    ("desa sukarami", "16.71.07"),
    ("di kemuning, muara enim", "16.03"),
    ("dari sekayu ke palembang", "16.71"),
    ("jalan palembang-betung macet", "16.71"),
    ("mesuji, lampung", "16.02.04"),
    ("tanjung sakti", "16.04"),
]

NOWHERE = [
    "", "   ", "tempe mahal sekali", "di ujung jalan banyak sampah", "harga mura sekali", "oi min gimana",
    "ado simpang yang rusak", "harga selangit", "main bola di jalan", "kulo mboten ngertos", "saya di bandung",
    "wara wiri tidak jelas", "tim peninjauan belum datang", "Jl. Rambutan no 5", "kecamatan mana ya?", "kota kabupaten",
]  # fmt: skip


@pytest.mark.parametrize(("line", "region", "words"), CERTAIN)
def test_a_place_is_found(line: str, region: str, words: str) -> None:
    found = GAZETTEER.find(line)
    assert found is not None
    assert (found.region, found.words, found.certain) == (region, words, True)
    assert found.name == REGIONS.by_code[region].name


@pytest.mark.parametrize(("line", "region"), UNCERTAIN)
def test_a_doubtful_place_is_not_certain(line: str, region: str) -> None:
    found = GAZETTEER.find(line)
    assert found is not None
    assert (found.region, found.certain) == (region, False)


@pytest.mark.parametrize("line", NOWHERE)
def test_ordinary_words_are_no_places(line: str) -> None:
    assert GAZETTEER.find(line) is None


@pytest.mark.parametrize(
    ("line", "near", "region", "certain"),
    [
        ("di cenrana", "73.08", "73.08.20", True),
        ("di cenrana", "73.09.03", "73.09.10", True),
        ("di cenrana", "16.71", "73", False),
        ("Ujung", "73.72", "73.72.02", True),
        ("di wajo", "73.71.02", "73.71.05", False),
        ("makassar", "73.71", "73.71", True),
        ("di palembang", "73.71", "16.71", True),
        ("Balusu", "tidak ada", "73", False),
    ],
)
def test_near_decides_only_between_places_of_one_name(line: str, near: str, region: str, certain: bool) -> None:
    found = GAZETTEER.find(line, near)
    assert found is not None
    assert (found.region, found.certain) == (region, certain)


def test_every_region_is_found_by_its_full_name() -> None:
    for region in REGIONS.by_code.values():
        line = region.name
        if region.kind == "kecamatan":
            line = f"Kec. {region.name}, {REGIONS.by_code[region.parent].name}"
        found = GAZETTEER.find(line)
        assert found is not None
        assert (found.region, found.certain) == (region.code, True)


@given(st.text(), st.none() | st.text(max_size=8))
def test_any_text_gets_an_answer(text: str, near: str | None) -> None:
    found = GAZETTEER.find(text, near)
    assert found is None or (found.region in REGIONS.by_code and found.words in text)


NAMES = sorted({name for region in REGIONS.by_code.values() for name in (region.name, *region.aliases)})
WORDS = ["kec", "kab", "kota", "di", "ke", "dari", "desa", "jl", "2", "II", "hari", ",", "tempe", "ujung", "wajo"]


@given(st.lists(st.sampled_from(NAMES + WORDS * 20), max_size=12), st.none() | st.sampled_from(sorted(REGIONS.by_code)))
def test_any_heap_of_names_gets_an_answer(words: list[str], near: str | None) -> None:
    text = " ".join(words)
    found = GAZETTEER.find(text, near)
    assert found is None or (found.region in REGIONS.by_code and found.words in text)


@pytest.mark.parametrize("part", ["palembang ", "kec ", "muara ", "ogan komering ulu ", "a'", "1 ", "tempe wajo "])
def test_a_very_long_text_takes_no_more_than_its_length(part: str) -> None:
    text = part * (100_000 // len(part))
    start = time.perf_counter()
    GAZETTEER.find(text)
    # About 0.1 s on a slow machine; anything that grows with the square would take minutes.
    assert time.perf_counter() - start < 5
