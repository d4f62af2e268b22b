"""A landmark that everybody knows tells the kabupaten or kota where nothing else does, and only there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.gazetteer import Gazetteer
from store.regions import Landmark, Region, Regions, load, load_landmarks, load_villages

LARGER = load()
REGIONS = Regions((*LARGER, *load_villages(LARGER)))
GAZETTEER = Gazetteer(REGIONS)
LANDMARKS = load_landmarks()
SURE = [landmark for landmark in LANDMARKS if landmark.certain == "yes"]
DISTRICTS = [region for region in LARGER if region.kind == "kecamatan"]

# line, region, the citizen's own spelling
SEEN = [
    ("lampu di jembatan ampera mati semua", "16.71", "jembatan ampera"),
    ("macet parah di simpang polda tiap sore", "16.71", "simpang polda"),
    ("di bawah ampera banyak preman minta uang parkir", "16.71", "bawah ampera"),
    ("Sampah menumpuk di depan Benteng Kuto Besak", "16.71.11", "Benteng Kuto Besak"),
    ("got mampet depan pasar cinde", "16.71", "pasar cinde"),
    ("jl demang lebar daun banjir lagi", "16.71", "jl demang lebar daun"),
    ("Jln. Kapten A. Rivai berlubang depan bank", "16.71", "Jln. Kapten A. Rivai"),
    ("antrian di RSMH sampai jam 12 malam", "16.71.09", "RSMH"),
    ("loket rs moh. hoesin cuma satu yang buka", "16.71.09", "rs moh. hoesin"),
    ("sp charitas lampu merahnya mati", "16.71", "sp charitas"),
    ("pelabuhan boom baru banyak truk parkir di badan jalan", "16.71", "pelabuhan boom baru"),
    ("eskalator LRT di stasiun DJKA rusak", "16.71", "stasiun DJKA"),
    ("bau dari got di komplek pusri", "16.71", "komplek pusri"),
    ("debu di dekat PT Pusri tebal sekali", "16.71", "PT Pusri"),
    ("punti kayu kotor, banyak sampah plastik", "16.71", "punti kayu"),
    ("dari simpang polda sampai simpang charitas gelap gulita", "16.71", "simpang charitas"),
    ("macet dari simpang patal ke simpang charitas", "16.71", "simpang patal"),
    ("50 meter dari jembatan musi 2 ada lubang besar", "16.71", "jembatan musi 2"),
    ("jembatan musi II goyang", "16.71", "jembatan musi II"),
    ("parkir liar di palembang icon", "16.71", "palembang icon"),
    ("taksi di bandara SMB II pasang harga sesukanya", "16.71.07", "bandara SMB II"),
    ("Jl. Noerdin Pandji retak", "16.71", "Jl. Noerdin Pandji"),
    ("jalan R. Soekamto depan PTC banjir", "16.71", "jalan R. Soekamto"),
    ("lampu taman monpera mati", "16.71", "monpera"),
    ("Mesjid Ki Merogan butuh penerangan", "16.71", "Mesjid Ki Merogan"),
    ("polsri jalan depannya rusak", "16.71", "polsri"),
    ("listrik di sungsang cuma nyala malam", "16.07.02", "sungsang"),
    ("dermaga di pelabuhan tanjung api-api rusak", "16.07", "pelabuhan tanjung api-api"),
    ("jalan depan kampus unsri indralaya gelap", "16.10.07", "unsri indralaya"),
    ("pabrik gula cinta manis buang limbah ke sungai", "16.10", "pabrik gula cinta manis"),
    ("pungli di pasar randik", "16.06.01", "pasar randik"),
    ("rsud rabain kamar mandinya kotor", "16.03", "rsud rabain"),
    ("bukit serelo gundul", "16.04", "bukit serelo"),
    ("jalan ke atas di kebun teh dempo longsor", "16.72", "kebun teh dempo"),
    ("tiket masuk bukit sulap tidak ada karcis", "16.73", "bukit sulap"),
    ("RSUD Siti Aisyah obatnya kosong", "16.73", "RSUD Siti Aisyah"),
    ("obat habis di rumah sakit umum daerah ibnu sutowo", "16.01", "rumah sakit umum daerah ibnu sutowo"),
    ("irigasi bendung perjaya bocor", "16.08", "bendung perjaya"),
    ("pasar saka selabung terbakar", "16.09.01", "pasar saka selabung"),
    ("fly over pettarani macet total", "73.71", "fly over pettarani"),
    ("jl. A.P. Pettarani depan hotel banjir", "73.71", "Pettarani"),
    ("genangan di Jl AP Pettarani", "73.71", "Jl AP Pettarani"),
    ("begal di hertasning semalam", "73.71", "hertasning"),
    ("lampu jalan mati di depan Fort Rotterdam", "73.71.04", "Fort Rotterdam"),
    ("lapangan karebosi becek mi", "73.71", "lapangan karebosi"),
    ("pasar terong bau sekali", "73.71", "pasar terong"),
    ("parkir liar depan mal panakkukang", "73.71.09", "mal panakkukang"),
    ("pungli di pelabuhan paotere", "73.71", "pelabuhan paotere"),
    ("IGD RS Wahidin penuh", "73.71.14", "RS Wahidin"),
    ("jalanan di dalam kampus unhas gelap", "73.71", "unhas"),
    ("di akkarena banyak sampah", "73.71.10", "akkarena"),
    ("jl abd dg sirua banjir", "73.71", "jl abd dg sirua"),
    ("Jalan Sultan Alauddin depan kampus macet", "73.71", "Jalan Sultan Alauddin"),
    ("stadion barombong mangkrak", "73.71.10", "stadion barombong"),
    ("masjid 99 kubah banyak pengemis", "73.71", "masjid 99 kubah"),
    ("terminal daya tidak terurus", "73.71.11", "terminal daya"),
    ("di karebosi link liftnya rusak", "73.71", "karebosi link"),
    ("nipah mall parkirannya mahal", "73.71", "nipah mall"),
    ("bendungan bili-bili airnya keruh", "73.06", "bendungan bili-bili"),
    ("debu di dekat pabrik semen tonasa", "73.10", "pabrik semen tonasa"),
    ("Kami di sekitar PT Semen Tonasa hirup debu tiap hari", "73.10", "PT Semen Tonasa"),
    ("pelabuhan bajoe banyak calo", "73.08", "pelabuhan bajoe"),
    ("RSUD Lanto Dg. Pasewang tidak ada dokter", "73.04", "RSUD Lanto Dg. Pasewang"),
    ("antrian rsud syekh yusuf panjang", "73.06", "rsud syekh yusuf"),
    ("rammang-rammang sampahnya banyak", "73.09", "rammang-rammang"),
    ("tebing apparalang tidak ada pagar", "73.02.03", "tebing apparalang"),
    ("kapal di pelabuhan pamatata sering telat", "73.01", "pelabuhan pamatata"),
    ("pasar lakessi kebakaran", "73.72", "pasar lakessi"),
    ("RSUD Sawerigading kehabisan obat", "73.73", "RSUD Sawerigading"),
    ("jalan ke ke'te kesu, tepatnya di depan ke'te kesu, rusak", "73.26", "ke'te kesu"),
    ("danau matano tercemar", "73.24.02", "danau matano"),
    ("pasar bolu macet", "73.26", "pasar bolu"),
    ("pantai labombo kotor", "73.73", "pantai labombo"),
    ("pelabuhan garongkong gelap", "73.11", "pelabuhan garongkong"),
    ("lejja jalannya rusak", "73.12", "lejja"),
    ("RSUD La Maddukelleng antre", "73.13", "RSUD La Maddukelleng"),
    ("stadion ganggawa rumputnya mati", "73.14", "stadion ganggawa"),
]  # fmt: skip

# line, region: what is named wins, or the landmark makes it clearer
NAMED = [
    ("jembatan ampera, tepatnya di plaju", "16.71.14"),
    ("depan unsri bukit besar palembang", "16.71"),
    ("warung dekat pasar terong di sungguminasa", "73.06"),
    ("Kec. Lahat, dekat masjid 99 kubah", "16.04.10"),
    ("di sekayu ada cabang RS Charitas", "16.06.01"),
    ("simpang polda, kec. kemuning", "16.71.09"),
    ("kelurahan 5 ulu dekat RSUD Bari", "16.71.02.1005"),
    ("Rappocini, jalan hertasning", "73.71.13"),
    ("saya dari Lahat, di RSMH belum dilayani", "16.71.09"),
    ("warga gowa antre di RS Wahidin", "73.71.14"),
    ("kenten dekat simpang celentang", "16.71"),
    ("jl kemuning dekat simpang polda", "16.71"),
    ("jalan palembang - indralaya depan unsri indralaya", "16.10.07"),
]  # fmt: skip

# A place of several names, a firm, a person, where somebody goes or belongs, or a city of others: better ask.
NOT_SURE = [
    "lampu mati di unsri", "depan bandara hasanuddin macet", "kampus uin alauddin", "PIM parkirnya mahal", "di BKB",
    "danau ranau kotor", "danau tempe meluap", "saya mahasiswa unhas, di kampung tidak ada sinyal",
    "alumni UIN Raden Fatah", "alumni polsri dan dosen bina darma", "dari simpang polda ke karebosi",
    "kuliah di unhas tapi rumah banjir", "harga pupuk pusri naik", "harga semen tonasa mahal", "bantuan semen bosowa",
    "PT Bukit Asam tidak buka lowongan", "dirujuk ke RSMH", "jalan ampera gelap", "rm ampera tidak higienis",
    "jalan menuju sungsang", "tegal binangun banjir", "jalan tanjung api-api rusak", "rs siti fatimah antre",
    "ibu grestelina", "pak karebosi", "pasar senggol becek", "RSUD Siti Aisyah Madiun", "rs wahidin mojokerto antre",
    "jembatan ampera di jakarta selatan", "hertasning kota kendari",
]  # fmt: skip

# What is known elsewhere, in the words of people there.
ABROAD = [
    "simpang lima semarang", "jembatan suramadu", "pasar beringharjo", "malioboro", "monas", "gelora bung karno",
    "bandara soekarno hatta", "pelabuhan tanjung priok", "stasiun gambir", "stasiun gubeng", "terminal bungurasih",
    "terminal kampung rambutan", "rsud dr soetomo", "rs hasan sadikin", "rs kariadi", "rsud al ihsan",
    "rs wahidin mojokerto", "universitas gadjah mada", "ugm", "unpad jatinangor", "universitas diponegoro", "unnes",
    "universitas brawijaya", "pasar johar", "pasar klewer", "pasar tanah abang", "pasar baru bandung", "pasar minggu",
    "pasar kembang", "tugu muda", "alun-alun kidul", "gedung sate", "jalan braga", "jalan asia afrika", "jalan dago",
    "simpang dago", "simpang lima", "jalan sudirman", "jalan thamrin", "jalan gajah mada", "jalan diponegoro",
    "jalan perintis kemerdekaan", "benteng vredeburg", "benteng marlborough", "benteng van den bosch",
    "jembatan siti nurhayati", "jembatan barelang", "jembatan kutai kartanegara", "masjid istiqlal",
    "masjid agung demak", "masjid al akbar", "masjid raya baiturrahman", "danau toba", "danau singkarak",
    "danau maninjau", "pantai parangtritis", "pantai kuta", "pantai anyer", "pulau tidung", "gunung merapi",
    "gunung bromo", "stadion manahan", "stadion si jalak harupat", "stadion mandala krida", "stadion siliwangi",
    "mall kelapa gading", "mall taman anggrek", "grand indonesia", "trans studio bandung", "bandara juanda",
    "bandara adi sumarmo", "bandara ngurah rai", "pelabuhan tanjung perak", "pelabuhan merak", "bandara sepinggan",
    "waduk jatiluhur", "waduk gajah mungkur", "bendungan katulampa", "kebun raya bogor", "kawah putih ciwidey",
    "tangkuban perahu", "pasar soreang", "pasar majalaya", "rsud majalaya", "rsud soreang", "stasiun bandung",
    "stasiun tugu", "terminal leuwipanjang", "terminal cicaheum", "exit tol soroja", "tol cipularang", "rs advent",
    "rs borromeus", "rs elisabeth", "rs panti rapih",
]  # fmt: skip


def _kabkota(code: str) -> str:
    return ".".join(code.split(".")[:2])


def _names(landmark: Landmark) -> tuple[str, ...]:
    return (landmark.name, *landmark.aliases)


def test_the_landmarks_lie_in_regions_that_are_known() -> None:
    assert len(LANDMARKS) >= 150
    for landmark in LANDMARKS:
        assert landmark.certain in {"yes", "at", "no"}, landmark
        assert landmark.regions, landmark
        assert all(REGIONS.by_code[code].kind != "provinsi" for code in landmark.regions), landmark
        assert len(landmark.regions) == 1 or landmark.certain == "no", landmark


def test_no_landmark_is_listed_twice() -> None:
    names = [name.lower() for landmark in LANDMARKS for name in _names(landmark)]
    assert sorted(names) == sorted(set(names))


def test_no_landmark_bears_the_bare_name_of_a_place_in_another_kabupaten() -> None:
    for landmark in SURE:
        for name in _names(landmark):
            same = [region for region in REGIONS.by_code.values() if region.name.lower() == name.lower()]
            assert {_kabkota(region.code) for region in same} <= {_kabkota(landmark.regions[0])}, name


@pytest.mark.parametrize(("line", "region", "words"), SEEN)
def test_a_landmark_tells_the_place(line: str, region: str, words: str) -> None:
    found = GAZETTEER.find(line)
    assert found is not None
    assert (found.region, found.words, found.certain) == (region, words, True)
    assert (found.name, found.full) == (REGIONS.by_code[region].name, REGIONS.full_name(region))


@pytest.mark.parametrize(("line", "region"), NAMED)
def test_a_region_that_is_named_wins(line: str, region: str) -> None:
    found = GAZETTEER.find(line)
    assert found is not None
    assert (found.region, found.certain) == (region, True)


@pytest.mark.parametrize("line", NOT_SURE + ABROAD)
def test_a_landmark_that_may_be_elsewhere_is_not_certain(line: str) -> None:
    found = GAZETTEER.find(line)
    assert found is None or not found.certain


def test_a_landmark_with_several_places_offers_them() -> None:
    found = GAZETTEER.find("lampu mati di unsri")
    assert found is not None
    assert [name for _, name in found.among] == ["Kabupaten Ogan Ilir", "Kota Palembang"]
    near = GAZETTEER.find("lampu mati di unsri", "16.10")
    assert near is not None
    assert (near.region, near.certain) == ("16.10", True)


def test_a_landmark_is_no_village_of_its_name() -> None:
    """The hospital Sawerigading is in Palopo, the kelurahan Sawerigading in Makassar."""
    hospital, village = GAZETTEER.find("antre di RSUD Sawerigading"), GAZETTEER.find("kelurahan Sawerigading")
    assert hospital is not None
    assert village is not None
    assert (hospital.region, village.region) == ("73.73", "73.71.04.1009")


@given(
    landmark=st.sampled_from(SURE),
    which=st.integers(0, 9),
    before=st.sampled_from(["", "lampu mati di ", "macet di depan ", "Tolong pak, banjir dekat "]),
    after=st.sampled_from(["", " sudah 3 hari", ", tolong", " gelap"]),
    change=st.sampled_from([str, str.lower, str.upper]),
)
def test_every_landmark_tells_its_kabupaten(
    landmark: Landmark, which: int, before: str, after: str, change: type[str]
) -> None:
    names = _names(landmark)
    found = GAZETTEER.find(change(f"{before}{names[which % len(names)]}{after}"))
    assert found is not None
    assert (_kabkota(found.region), found.certain) == (_kabkota(landmark.regions[0]), True)


@given(landmark=st.sampled_from(LANDMARKS), district=st.sampled_from(DISTRICTS), first=st.booleans())
def test_no_landmark_moves_a_complaint_out_of_the_kecamatan_that_is_named(
    landmark: Landmark, district: Region, first: bool
) -> None:
    place = f"di kecamatan {district.name} {REGIONS.by_code[district.parent].name}"
    line = f"dekat {landmark.name}, {place}" if first else f"{place}, dekat {landmark.name}"
    found = GAZETTEER.find(line)
    assert found is not None
    assert not found.certain or _kabkota(found.region) == district.parent
