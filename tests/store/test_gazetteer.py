"""Places are found in the words of citizens, and ordinary words are not taken for places."""

import re
import time
from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from store.gazetteer import Gazetteer
from store.regions import Region, Regions, load, load_villages

LARGER = load()
VILLAGES = load_villages(LARGER)
REGIONS = Regions((*LARGER, *VILLAGES))
GAZETTEER = Gazetteer(REGIONS)

# line, region, the citizen's own spelling
CERTAIN = [
    ("jalan depan smp 1 sekayu lah lame rusak dak galo dibenahi", "16.06.01", "sekayu"),
    ("listrik mati dari tadi di 7 Ulu", "16.71.02.1006", "7 Ulu"),
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
    ("desa sukarami kab lahat", "16.04", "sukarami"),
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
    ("Tj. Raja, OI", "16.10.03", "Tj. Raja"),
    ("sebrang ulu 1 gelap gulita", "16.71.02", "sebrang ulu 1"),
    ("SU 1 Palembang", "16.71.02", "SU 1"),
    ("rumah kami di IB I palembang", "16.71.04", "IB I"),
    ("Km 5 Palembang lampu merah mati", "16.71", "Palembang"),
    ("bukit besar dekat unsri macet", "16.71", "bukit besar"),
    ("LLG sering mati lampu", "16.73", "LLG"),
    ("pangkalan balai listrik padam", "16.07", "pangkalan balai"),
    ("banjir di inderalaya", "16.10.04", "inderalaya"),
    ("panakukkang macet", "73.71.09", "panakukkang"),
    ("makale, toraja", "73.18.05", "makale"),
    ("irigasi di torut", "73.26", "torut"),
    ("puskesmas di watampone", "73.08", "watampone"),
    ("pasar pallangga gowa becek", "73.06.07", "pallangga"),
]  # fmt: skip

# One letter is wrong, missing, doubled or in another place.
MISSPELLED = [
    ("palembng banjir", "16.71", "palembng"),
    ("palembaang panas", "16.71", "palembaang"),
    ("bayuasin jalan rusak", "16.07", "bayuasin"),
    ("air mati di prabumulh", "16.74", "prabumulh"),
    ("lubuk lingau timur I", "16.73.01", "lubuk lingau timur I"),
    ("kec. kertapeti", "16.71.13", "kertapeti"),
    ("di jakabring macet", "16.71.17", "jakabring"),
    ("tanjng raja OI", "16.10.03", "tanjng raja"),
    ("jalan rusak di bulukmba", "73.02", "bulukmba"),
    ("di jeneponte kering", "73.04", "jeneponte"),
    ("tamalanre gelap", "73.71.14", "tamalanre"),
    ("desa lumpatn kec sekayu", "16.06.01.2002", "lumpatn"),
    ("kelurahan taalang aman kec kemuning", "16.71.09.1006", "taalang aman"),
    ("kel. paccerakang, biringkanaya", "73.71.11.1001", "paccerakang"),
]  # fmt: skip

# Words of their own, however near to a name.
NOT_MISSPELLED = [
    "air belitung", "wilayah semarang", "gelombang besar", "di terminal pinang", "ujung padang", "kandang ayam",
    "senapan angin", "tamatan sma", "bandeng mahal", "pemalang", "sumbawa", "pedagang bentang tenda",
]  # fmt: skip

VILLAGES_FOUND = [
    # marked
    ("tolong pak di Kel. Talang Aman lampu jalan mati", "16.71.09.1006", "Talang Aman"),
    ("jembatan putus di desa Air Balui", "16.06.05.2001", "Air Balui"),
    ("dusun 2 desa ulak kembahang jalan rusak", "16.10.15.2001", "ulak kembahang"),
    ("kelurahan maccini parang gelap", "73.71.03.1011", "maccini parang"),
    ("Ds. Lumpatan II Kec Sekayu Kab Muba", "16.06.01.2013", "Lumpatan II"),
    ("kel sukarami kec sukarami palembang", "16.71.07.1005", "sukarami"),
    ("kelurahan karya baru kec alang2 lebar", "16.71.15.1004", "karya baru"),
    ("desa salu paremang selatan kec kamanre luwu", "73.17.13.2007", "salu paremang selatan"),
    ("Desa Tanjung Raya Kec. Rambang", "16.03.15.2003", "Tanjung Raya"),
    ("desa karang anyar kab muratara", "16.13.01.2012", "karang anyar"),
    ("kelurahan Wajo Baru Kota Makassar", "73.71.06.1002", "Wajo Baru"),
    ("kelurahan duku, kec. ilir timur III", "16.71.18.1006", "duku"),
    ("di desa indramayu kecamatan panang enim", "16.03.27.2009", "indramayu"),
    # inside a region that is named
    ("talang kelapa palembang mati lampu", "16.71.15.1003", "talang kelapa"),
    ("karang anyar gandus", "16.71.12.1002", "karang anyar"),
    ("kebun bunga sukarami got mampet", "16.71.07.1007", "kebun bunga"),
    ("di kebun bunga palembang", "16.71.07.1007", "kebun bunga"),
    ("desa tugu mulyo OKI", "16.02.13.2011", "tugu mulyo"),
    ("kenten laut banyuasin", "16.07.10.2021", "kenten laut"),
    ("plaju darat banyak sampah", "16.71.14.1002", "plaju darat"),
    ("tamalanrea indah banyak begal", "73.71.14.1003", "tamalanrea indah"),
    ("Betung, Gelumbang, Muara Enim", "16.03.06.2032", "Betung"),
    ("3 ilir, IT II Palembang", "16.71.06.1006", "3 ilir"),
    # the only place of a name that is no everyday word
    ("got mampet di 7 ulu", "16.71.02.1006", "7 ulu"),
    ("Tujuh Ulu", "16.71.02.1006", "Tujuh Ulu"),
    ("3-4 ulu", "16.71.02.1004", "3-4 ulu"),
    ("9/10 Ulu", "16.71.17.1002", "9/10 Ulu"),
    ("10 ulu", "16.71.17.1002", "10 ulu"),
    ("pasar 16 ilir sumpek", "16.71.05.1002", "16 ilir"),
    ("warga bukit lama ngeluh", "16.71.04.1001", "bukit lama"),
    ("di pakjo banyak lubang", "16.71.04.1002", "pakjo"),
    ("tangga takat banjir", "16.71.03.1006", "tangga takat"),
    ("silaberanti gelap", "16.71.17.1004", "silaberanti"),
    ("sampah di antang menumpuk", "73.71.12.1004", "antang"),
    ("lampu mati ditanggatakat", "16.71.03.1006", "tanggatakat"),
    ("sudiang raya gelap", "73.71.11.1006", "sudiang raya"),
]  # fmt: skip

# line, region, the names that are offered
ASKED = [
    ("sampah di kenten", "16", ["Kabupaten Banyuasin", "Kota Palembang"]),
    ("tugumulyo", "16", ["Kabupaten Ogan Komering Ilir", "Kabupaten Musi Rawas"]),
    ("desa muara sungai", "16", ["Kabupaten Penukal Abab Lematang Ilir", "Kota Prabumulih"]),
    ("toraja", "73", ["Kabupaten Tana Toraja", "Kabupaten Toraja Utara"]),
    ("ilir barat", "16.71", ["Ilir Barat II, Kota Palembang", "Ilir Barat I, Kota Palembang"]),
    ("dari sekayu ke palembang", "16.71", ["Kabupaten Musi Banyuasin", "Kota Palembang"]),
    ("di kebun bunga", "16.71.07.1007", ["Kebun Bunga, Sukarami"]),
    ("desa tanjung baru", "16", []),
    ("Kec. Soreang", "73.72.03", ["Soreang, Kota Parepare"]),
]  # fmt: skip

# Names of villages that are words, streets, persons, or places of others; None: nothing at all is found.
NO_VILLAGE = [
    ("harapan kami warga palembang", "16.71"),
    ("sudah sering mati lampu di banyuasin", "16.07"),
    ("di desa sedang banjir, banyuasin", "16.07"),
    ("pak sudirman dari lahat", "16.04"),
    ("kantor desa kami di muba", "16.06"),
    ("desa lembang sumarorong kab luwu", "73.17"),
    ("desa sukaraja kab. gowa", "73.06"),
    ("kebun, bunga dan pohon di palembang", "16.71"),
    ("jalan bukit lama rusak", None),
    ("jl. talang aman no 5", None),
    ("lurah kami tidak ada", None),
    ("kelurahan setempat diam saja", None),
    ("pasar baru", None),
    ("kebun bunga", None),
    ("Kel. Sawah Besar, RT 5", None),
    ("desa sukamaju kecamatan cikancung", None),
    ("gunung puntang", None),
    ("harga duku naik", None),
    ("kelambanan petugas", None),
]  # fmt: skip

# line, region: a place is named, but better ask
UNCERTAIN = [
    ("ilir barat", "16.71"),
    ("semende belum ada sinyal", "16.03"),
    ("Balusu", "73"),
    ("di cenrana banjir", "73"),
    ("toraja", "73"),
    ("jl kemuning berlubang", "16.71.09"),
    ("desa sukarami", "16"),
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

# line, region: other names are ends of a road, where somebody lives, or where somebody goes
POINTED_OUT = [
    ("Jalan lintas Palembang - Betung di Suak Tapeh hancur", "16.07.16"),
    ("jalan lintas palembang-jambi di sungai lilin macet 5 jam", "16.06.07"),
    ("jl lintas Sekayu – Lubuklinggau di Babat Toman longsor", "16.06.06"),
    ("jl poros Maros - Bone di Camba Maros ambles", "73.09.02"),
    ("jalan poros makassar-parepare di segeri pangkep berlubang", "73.10.09"),
    ("Poros Palopo - Masamba di Lamasi rusak parah", "73.17.09"),
    ("tol Palembang - Prabumulih di Gelumbang gelap tanpa lampu", "16.03.06"),
    ("ruas Lahat - Pagaralam di Tanjung Tebat sering begal", "16.04.27"),
    ("Jalan raya Prabumulih ke Muara Enim di Gunung Megang banyak truk batu bara", "16.03.04"),
    ("jalan lintas tengah Muara Enim - Lahat di Merapi Barat penuh debu", "16.04.09"),
    ("jalan Kayuagung - Indralaya di Tanjung Raja banjir", "16.10.03"),
    ("Jalan provinsi Bantaeng–Bulukumba di Gantarang Keke amblas", "73.03.07"),
    ("jl poros sengkang - siwa di majauleng wajo gelap", "73.13.05"),
    ("jalan lintas timur Palembang - Lampung di Teluk Gelam OKI putus", "16.02.23"),
    ("jalan trans sulawesi Palopo - Poso di Mangkutana tertutup longsor", "73.24.01"),
    ("jln Martapura - Belitang di Buay Madang rusak", "16.08.02"),
    ("dari arah Palembang ke Kayuagung, persisnya depan pasar Jejawi, lampu jalan mati", "16.02.17"),
    ("jalan lintas Sekayu arah ke Palembang, persisnya di Lais", "16.06.02"),
    ("Jalan dari Pinrang menuju Parepare, tepatnya di Suppa, banyak lubang", "73.15.02"),
    ("jalan poros Makassar - Takalar depan pasar Pallangga macet tiap pagi", "73.06.07"),
    ("jalan lintas Lahat - Empat Lawang dekat pasar Kikim Tengah longsor", "16.04.18"),
    ("dari Muara Enim menuju Baturaja, tepatnya di depan SPBU Tanjung Agung", "16.03.01"),
    ("lokasi: jalan Betung - Sekayu, persisnya di kecamatan Lais", "16.06.02"),
    ("jalur Enrekang ke Toraja, lokasinya di Anggeraja, ada pohon tumbang", "73.16.04"),
    ("bus dari Palembang ke Lubuklinggau, kejadiannya di Tebing Tinggi Empat Lawang", "16.11.04"),
    ("jalan dari Sinjai ke Bulukumba, tepatnya di depan puskesmas Herlang", "73.02.05"),
    ("antara Prabumulih dan Muara Enim, persisnya di Belimbing Muara Enim", "16.03.23"),
    ("Rumah saya di Palembang tapi yang saya laporkan di Tanjung Batu Ogan Ilir", "16.10.02"),
    ("saya tinggal di Makassar, yang mau dilaporkan jalan di Segeri Pangkep", "73.10.09"),
    ("Segeri, Pangkep jalan poros menuju Barru rusak", "73.10.09"),
    ("Tanjung Batu, Ogan Ilir jalan menuju Prabumulih berlubang semua", "16.10.02"),
    ("Bantimurung Maros, jalan yang ke arah Bone longsor", "73.09.03"),
    ("KTP saya Palembang, tapi listrik yang sering mati itu di Indralaya Ogan Ilir", "16.10.04"),
    ("kerja di Makassar, rumah orang tua di Lamuru Bone kebanjiran", "73.08.13"),
    ("Pemulutan Ogan Ilir, dekat perbatasan Palembang, jembatan mau ambruk", "16.10.05"),
    ("di Talang Ubi Kabupaten PALI air PDAM keruh, sudah lapor sampai ke Palembang", "16.12.01"),
    ("Waktu saya di Palembang tidak begini, di Jarai Lahat jalannya gelap semua", "16.04.06"),
    ("dari dinas di Makassar belum ada yang datang, sampah di Turikale Maros menumpuk", "73.09.14"),
    ("Sudah lapor dinas di Palembang. Jalan di Muara Kuang, Ogan Ilir belum juga diperbaiki", "16.10.01"),
    ("anak saya kuliah di Makassar, tapi jalan yang rusak di Kajang Bulukumba", "73.02.06"),
    ("di Desa Burai Kecamatan Tanjung Batu, jalan dari Indralaya ke Prabumulih", "16.10.02.2026"),
    ("jembatan gantung di desa Ulak Kembahang II Pemulutan Barat, jalan ke Palembang", "16.10.10.2009"),
    ("rumah saya di Lahat tapi kejadiannya di Palembang", "16.71"),
    ("saya tinggal di Gowa, lokasi kejadian di Takalar", "73.05"),
    ("alamat saya di Maros namun yang saya laporkan di Makassar", "73.71"),
    ("saya warga Indralaya, kejadiannya di Plaju", "16.71.14"),
    ("domisili Sidrap, tapi kecelakaannya di Pinrang", "73.15"),
    ("asal saya dari Bone, yang saya laporkan di Kota Parepare", "73.72"),
    ("sudah saya laporkan di Polres Palembang, kejadiannya di Sekayu", "16.06.01"),
    ("lokasi saya sekarang di Makassar, yang saya laporkan jalan di Kajang Bulukumba", "73.02.06"),
    ("alamat KTP Gowa, tepatnya yang rusak di Tanete Riaja Barru", "73.11.01"),
    ("di Betung arah Palembang ada longsor", "16.07.05"),
    ("Jalan rusak di Sungai Keruh Muba menuju Sekayu", "16.06.03"),
    ("jalan menuju Malili dari Wotu, persisnya di Angkona", "73.24.05"),
    ("macet di Bungoro arah Barru", "73.10.06"),
]  # fmt: skip

# Which of the names is the place, nothing says, or it is not ours.
NOT_POINTED_OUT = [
    "jalan lintas Palembang - Betung rusak parah",
    "dari Maros ke Bone jalannya hancur",
    "jalan antara Lahat dan Muara Enim gelap",
    "tol Palembang - Indralaya tidak ada lampu",
    "arah Sekayu menuju Betung macet",
    "saya tinggal di Segeri Pangkep. Semalam motor saya hilang di Makassar",
    "di Tanjung Batu Ogan Ilir dan di Segeri Pangkep sama saja rusaknya",
    "di Plaju Palembang dan di Pemulutan Ogan Ilir banjir",
    "Budi, Segeri Pangkep. Kemarin di Makassar saya dipalak",
    "lampu mati di Makassar. Alamat di Segeri Pangkep",
    "lokasi saya sekarang di Palembang, jalan di Sekayu rusak",
    "ibu dirawat di RS di Makassar, rujukan dari puskesmas di Segeri Pangkep",
    "motor hilang di Makassar, sudah dilaporkan ke Polsek di Segeri Pangkep",
    "rumah saya di Sekayu, kantor saya di Palembang",
    "di Palembang, tepatnya di Betung",
    "jalan Bogor - Depok di Sukamaju rusak",
    "jalan lintas Medan - Binjai di Tanjung Raja",
    "jalan poros Maros - Bone di Cenrana rusak",
]


@pytest.mark.parametrize(("line", "region", "words"), CERTAIN)
def test_a_place_is_found(line: str, region: str, words: str) -> None:
    found = GAZETTEER.find(line)
    assert found is not None
    assert (found.region, found.words, found.certain) == (region, words, True)
    assert found.name == REGIONS.by_code[region].name
    assert found.among == ()


@pytest.mark.parametrize(("line", "region", "words"), MISSPELLED + VILLAGES_FOUND)
def test_a_village_or_a_slip_of_the_pen_is_found(line: str, region: str, words: str) -> None:
    found = GAZETTEER.find(line)
    assert found is not None
    assert (found.region, found.words, found.certain) == (region, words, True)
    assert (found.name, found.full) == (REGIONS.by_code[region].name, REGIONS.full_name(region))


@pytest.mark.parametrize("line", NOT_MISSPELLED)
def test_another_word_is_no_slip_of_the_pen(line: str) -> None:
    found = GAZETTEER.find(line)
    assert found is None or not found.certain


@pytest.mark.parametrize(("line", "region", "names"), ASKED)
def test_a_doubtful_place_offers_what_may_be_meant(line: str, region: str, names: list[str]) -> None:
    found = GAZETTEER.find(line)
    assert found is not None
    assert (found.region, found.certain) == (region, False)
    assert [name for _, name in found.among] == names
    assert all(code in REGIONS.by_code for code, _ in found.among)


@pytest.mark.parametrize(("line", "region"), NO_VILLAGE)
def test_the_name_of_a_village_is_also_a_word(line: str, region: str | None) -> None:
    found = GAZETTEER.find(line)
    assert (found and found.region) == region


def test_an_answer_may_be_the_name_alone() -> None:
    """Asked where in Palembang, "Sentosa" is no wish for peace."""
    assert GAZETTEER.find("sentosa") is None
    found = GAZETTEER.find("sentosa", "16.71")
    assert found is not None
    assert (found.region, found.certain) == ("16.71.03.1007", True)


def test_the_full_name_says_where_a_village_lies() -> None:
    found = GAZETTEER.find("7 ulu")
    assert found is not None
    assert (found.name, found.full) == ("7 Ulu", "Kelurahan 7 Ulu, Seberang Ulu I, Kota Palembang")


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


def test_every_larger_region_is_found_by_its_full_name() -> None:
    for region in LARGER:
        found = GAZETTEER.find(REGIONS.full_name(region.code))
        assert found is not None
        assert (found.region, found.certain) == (region.code, True)


# Two villages of one name in one kecamatan are told apart by nothing.
SAME = Counter((village.parent, re.sub(r"\W", "", village.name.lower())) for village in VILLAGES)
SINGLE = [village for village in VILLAGES if SAME[village.parent, re.sub(r"\W", "", village.name.lower())] == 1]
DESA = {"desa": ["Desa", "desa", "Ds.", "ds"], "kelurahan": ["Kelurahan", "kel.", "Kel", "lurah"]}
KECAMATAN = ["Kec.", "kecamatan", "kec", ", kec."]


@given(
    village=st.sampled_from(SINGLE),
    marker=st.integers(0, 3),
    kecamatan=st.sampled_from(KECAMATAN),
    lower=st.booleans(),
    before=st.sampled_from(["", "jalan rusak di ", "mohon bantuan pak, ", "RT 03 "]),
    after=st.sampled_from(["", " sudah 3 bulan", ". Terima kasih"]),
    kabkota=st.booleans(),
)
def test_every_village_is_found_by_what_it_lies_in(
    village: Region, marker: int, kecamatan: str, lower: bool, before: str, after: str, kabkota: bool
) -> None:
    name = village.name.lower() if lower else village.name
    district = REGIONS.by_code[village.parent]
    over = f" {REGIONS.by_code[district.parent].name}" if kabkota else ""
    line = f"{before}{DESA[village.kind][marker]} {name} {kecamatan} {district.name}{over}{after}"
    found = GAZETTEER.find(line)
    assert found is not None
    # Where the words allow for more, the larger region is right, too.
    assert village.code == found.region or village.code.startswith(found.region + ".") or not found.certain


def test_nearly_every_village_is_found_by_what_it_lies_in() -> None:
    missed = []
    for village in SINGLE:
        district = REGIONS.by_code[village.parent]
        found = GAZETTEER.find(
            f"di {village.kind} {village.name.lower()} kec. {district.name} {REGIONS.by_code[district.parent].name}"
        )
        if found is None or (found.region, found.certain) != (village.code, True):
            missed.append(village.name)
    assert len(missed) <= len(SINGLE) // 500, missed


LONG = [
    region
    for region in LARGER
    if region.kind != "provinsi" and len(region.name.split()[-1]) >= 8 and region.name.split()[-1].isalpha()
]

WRITTEN = {re.sub(r"\W", "", region.name.lower()) for region in REGIONS.by_code.values()}


@given(region=st.sampled_from(LONG), at=st.integers(2, 6), slip=st.sampled_from(["missing", "doubled", "swapped"]))
def test_a_slip_of_the_pen_never_leads_surely_elsewhere(region: Region, at: int, slip: str) -> None:
    *first, last = region.name.split()
    wrong = {
        "missing": last[:at] + last[at + 1 :],
        "doubled": last[:at] + last[at] + last[at:],
        "swapped": last[: at - 1] + last[at] + last[at - 1] + last[at + 1 :],
    }[slip]
    # "Tanralili" without its "r" is no slip but the name of Tana Lili.
    assume("".join([*first, wrong]).lower() not in WRITTEN)
    found = GAZETTEER.find(" ".join([*first, wrong]))
    assert found is None or not found.certain or _related(found.region, region.code) or _alike(found.region, region)


def _related(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _alike(code: str, region: Region) -> bool:
    """Whether the region found shares its name, or a word of it, with the one that was meant."""
    other = REGIONS.by_code[code]
    names = {word.lower() for name in (other.name, *other.aliases) for word in name.split()}
    return bool(names & {word.lower() for word in region.name.split()})


@given(st.text(), st.none() | st.text(max_size=8))
def test_any_text_gets_an_answer(text: str, near: str | None) -> None:
    found = GAZETTEER.find(text, near)
    assert found is None or (found.region in REGIONS.by_code and found.words in text)


@pytest.mark.parametrize(("line", "region"), POINTED_OUT)
@pytest.mark.parametrize("change", [str, str.lower])
def test_the_place_that_is_pointed_out_outweighs_roads_and_homes(line: str, region: str, change: type[str]) -> None:
    found = GAZETTEER.find(change(line))
    assert found is not None
    assert (found.region, found.certain) == (region, True)


@pytest.mark.parametrize("line", NOT_POINTED_OUT)
def test_names_that_contradict_each_other_are_asked_about(line: str) -> None:
    found = GAZETTEER.find(line)
    assert found is None or not found.certain


KABKOTA = [region for region in LARGER if region.kind in ("kabupaten", "kota")]
DISTRICTS = [region for region in LARGER if region.kind == "kecamatan"]


@given(
    ends=st.tuples(st.sampled_from(KABKOTA), st.sampled_from(KABKOTA)),
    district=st.sampled_from(DISTRICTS),
    road=st.sampled_from(["jalan lintas {} - {}", "jl poros {}–{}", "dari arah {} ke {}", "tol {} menuju {}"]),
    here=st.sampled_from(["di", "tepatnya di", ", persisnya depan pasar", ", lokasinya di kec."]),
    lower=st.booleans(),
)
def test_the_ends_of_a_road_are_never_the_place_when_another_is_marked(
    ends: tuple[Region, Region], district: Region, road: str, here: str, lower: bool
) -> None:
    over = REGIONS.by_code[district.parent]
    line = f"{road.format(*(end.name.partition(' ')[2] for end in ends))} {here} {district.name} {over.name}"
    found = GAZETTEER.find(line.lower() if lower else line)
    assert found is not None
    assert not found.certain or found.region.startswith(over.code)


NAMES = sorted({name for region in REGIONS.by_code.values() for name in (region.name, *region.aliases)})
WORDS = [
    "kec",
    "kel.",
    "kab",
    "kota",
    "di",
    "ke",
    "dari",
    "desa",
    "jl",
    "2",
    "II",
    "hari",
    ",",
    "tempe",
    "ujung",
    "wajo",
]


@given(st.lists(st.sampled_from(NAMES + WORDS * 20), max_size=12), st.none() | st.sampled_from(sorted(REGIONS.by_code)))
def test_any_heap_of_names_gets_an_answer(words: list[str], near: str | None) -> None:
    text = " ".join(words)
    found = GAZETTEER.find(text, near)
    assert found is None or (found.region in REGIONS.by_code and found.words in text)


@pytest.mark.parametrize(
    "part",
    [
        "palembang ",
        "kec ",
        "muara ",
        "ogan komering ulu ",
        "a'",
        "1 ",
        "tempe wajo ",
        "7 ulu palembang ",
        "plaju darat ",
        "desa zzzzzzz lahat ",
        "jembatan ampera ",
        "palembang - betung ",
        "ke simpang polda di lahat ",
    ],
)
def test_a_very_long_text_takes_no_more_than_its_length(part: str) -> None:
    text = part * (100_000 // len(part))
    start = time.process_time()
    GAZETTEER.find(text)
    # About 0.1 s of the processor; anything that grows with the square would take minutes.
    assert time.process_time() - start < 20
