"""The time in a citizen's words: what is taken, what is asked back, and what is no time at all."""

from __future__ import annotations

import datetime as dt
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.times import When, read_when, when_in

# A Sunday.
TODAY = date(2026, 11, 22)
YESTERDAY = date(2026, 11, 21)
WORDS = (
    "jalan rusak sejak dari sudah lah 3 11/10 12-11-2026 31/02 Selasa minggu bulan tahun lalu kemarin tadi malam tgl "
    "tanggal 2020 2027 ( ) , . desember feb setiap hujan jam 7 yang ini awal akhir lama RT 03/02 besok sampai puluh"
).split()
ANY = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
DAYS = st.dates(date(2001, 1, 1), date(2080, 12, 31))


def told(text: str) -> When:
    when = when_in(text, TODAY)
    assert when is not None, text
    return when


# --- properties ----------------------------------------------------------------------------------


@given(ANY, DAYS)
def test_any_text_is_read_and_what_is_found_is_verbatim_and_past(text: str, today: date) -> None:
    for read in (when_in, read_when):
        when = read(text, today)
        if when is None:
            continue
        assert when.words
        assert when.words in text
        assert when.day is None or when.day <= today
        assert when.day is None or (when.doubt is None and when.about is None)
        assert when.about is None or (when.doubt is None and when.about <= today.isoformat()[: len(when.about)])
        assert len(when.candidates) <= 3
        assert len(set(when.candidates)) == len(when.candidates)
        assert all(day <= today for day in when.candidates)
        assert when.doubt is not None or not when.candidates


@given(ANY, DAYS)
def test_an_answer_tells_whatever_a_story_tells(text: str, today: date) -> None:
    found = when_in(text, today)
    assert found is None or read_when(text, today) == found


@given(st.dates(date(1990, 1, 1), TODAY))
def test_a_day_with_the_name_of_its_month_is_that_day(day: date) -> None:
    months = "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember".split()
    when = told(f"lampu jalan padam {day.day} {months[day.month - 1]} {day.year} di depan pasar")
    assert when.day == day
    assert told(f"sejak {day.isoformat()} air tidak mengalir") == When(f"sejak {day.isoformat()}", day, since=True)


@given(st.dates(date(1990, 1, 1), TODAY))
def test_a_numeric_date_is_never_taken_in_the_wrong_order(day: date) -> None:
    when = told(f"kejadian tanggal {day:%d/%m/%Y}")
    assert when.day in {None, day}
    assert when.day == day or day in when.candidates
    weekday = "Senin Selasa Rabu Kamis Jumat Sabtu Minggu".split()[day.weekday()]
    assert told(f"{weekday}, {day:%d-%m-%Y} pohon tumbang").day in {None, day}


# --- what is asked back: the table of the module ---------------------------------------------------


@pytest.mark.parametrize(
    ("text", "doubt", "candidates"),
    [
        ("11/10", "order", (date(2026, 10, 11), date(2026, 11, 10))),
        ("5/12", "order", (date(2025, 12, 5), date(2026, 5, 12))),
        ("3/4 kayaknya", "order", (date(2026, 4, 3), date(2026, 3, 4))),
        ("tgl 05/12/2026", "order", (date(2026, 5, 12), date(2025, 12, 5))),
        ("Selasa (11/10) 2020", "weekday", (date(2020, 10, 11), date(2020, 11, 10))),
        ("Senin 11/10", "weekday", (date(2026, 10, 11), date(2026, 11, 10))),
        ("Senin 12 November 2026", "weekday", (date(2026, 11, 12), date(2026, 11, 9))),
        ("hari Rabu tanggal 20 November 2026", "weekday", (date(2026, 11, 20), date(2026, 11, 18))),
        ("Sabtu, 22 November 2026", "weekday", (date(2026, 11, 22), date(2026, 11, 21))),
        ("31/02", "impossible", ()),
        ("30 Februari", "impossible", ()),
        ("31 April 2026", "impossible", ()),
        ("tanggal 31 bulan 2", "impossible", ()),
        ("tgl 45", "impossible", ()),
        ("30/13/2025", "impossible", ()),
        ("30 November 2026", "future", (date(2025, 11, 30),)),
        ("2026-12-24", "future", (date(2025, 12, 24),)),
        ("25/12/2026", "future", (date(2025, 12, 25),)),
        ("besok", "future", ()),
        ("minggu depan", "future", ()),
        ("Senin depan", "future", ()),
        ("nanti malam", "future", ()),
        ("2027", "future", ()),
        ("Desember 2026", "future", ()),
    ],
)
def test_what_cannot_be_taken_is_asked_back(text: str, doubt: str, candidates: tuple[date, ...]) -> None:
    when = read_when(text, TODAY)
    assert when is not None
    assert (when.day, when.doubt, when.candidates) == (None, doubt, candidates)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("25/10", date(2026, 10, 25)),
        ("10/25", date(2026, 10, 25)),
        ("25/12", date(2025, 12, 25)),
        ("5/5", date(2026, 5, 5)),
        ("12/11", date(2026, 11, 12)),
        ("12/11/2026", date(2026, 11, 12)),
        ("12-11-2026", date(2026, 11, 12)),
        ("12.11.2026", date(2026, 11, 12)),
        ("12.11.26", date(2026, 11, 12)),
        ("12/11/26", date(2026, 11, 12)),
        ("2026-11-12", date(2026, 11, 12)),
        ("2026/11/12", date(2026, 11, 12)),
        ("25 - 10 - 2026", date(2026, 10, 25)),
        ("Selasa (11/10)", date(2026, 11, 10)),
        ("minggu (11/10)", date(2026, 10, 11)),
        ("11/10 (Minggu)", date(2026, 10, 11)),
        ("Minggu 11/10/2026", date(2026, 10, 11)),
        ("11/10/2026", date(2026, 10, 11)),
        ("11-10-2025", date(2025, 10, 11)),
        ("Kamis 12 November 2026", date(2026, 11, 12)),
        ("29 Februari", date(2024, 2, 29)),
        ("12Nov2026", date(2026, 11, 12)),
        ("12-Nov-2026", date(2026, 11, 12)),
        ("12 Nop 2026", date(2026, 11, 12)),
    ],
)
def test_one_reading_is_taken_without_a_question(text: str, day: date) -> None:
    assert read_when(text, TODAY) == When(text, day)


def test_the_same_words_mean_another_day_on_another_day() -> None:
    assert read_when("12/11", date(2026, 12, 20)) == When(
        "12/11", doubt="order", candidates=(date(2026, 11, 12), date(2026, 12, 11))
    )
    assert read_when("3/4", date(2026, 2, 10)) == When(
        "3/4", doubt="order", candidates=(date(2025, 4, 3), date(2025, 3, 4))
    )


# --- stories -------------------------------------------------------------------------------------

# What a story tells to the day: the citizen's words, how many days before today, whether it lasts since then.
TO_THE_DAY = [
    ("kemarin", 1, False),
    ("kemaren", 1, False),
    ("kmrn", 1, False),
    ("kemarin sore", 1, False),
    ("kemaren pagi", 1, False),
    ("kemarin sekitar jam 2", 1, False),
    ("sejak kemarin", 1, True),
    ("dari kemaren", 1, True),
    ("mulai kemarin malam", 1, True),
    ("kemarin lusa", 2, False),
    ("tadi", 0, False),
    ("tadi pagi", 0, False),
    ("pagi tadi", 0, False),
    ("jam 7 pagi tadi", 0, False),
    ("tadi jam 10.30", 0, False),
    ("dari tadi", 0, True),
    ("barusan", 0, False),
    ("baru saja", 0, False),
    ("hari ini", 0, False),
    ("malam ini", 0, False),
    ("semalam", 1, False),
    ("tadi malam", 1, False),
    ("tadi malam jam 2", 1, False),
    ("dari semalam", 1, True),
    ("2 hari yang lalu", 2, False),
    ("dua hari lalu", 2, False),
    ("3 hr yg lalu", 3, False),
    ("sejak 3 hari yang lalu", 3, True),
    ("sudah 3 hari", 3, True),
    ("udh 4 hari ini", 4, True),
    ("sdh 5hari", 5, True),
    ("selama 2 hari", 2, True),
    ("3 hari terakhir", 3, True),
    ("hari Senin", 6, False),
    ("sejak Senin", 6, True),
    ("dari hari jumat kemarin", 2, True),
    ("Kamis lalu", 3, False),
    ("hari minggu kemarin", 7, False),
    ("malam minggu kemarin", 8, False),
    ("malam Jumat", 3, False),
    ("Rabu minggu lalu", 11, False),
    ("Sabtu malam", 1, False),
    ("tgl 3", 19, False),
    ("tanggal 25", 28, False),
    ("sejak tgl 10", 12, True),
    ("tgl 3 bulan lalu", 50, False),
    ("tanggal 12 November", 10, False),
    ("12 Nov 2026", 10, False),
    ("pada tanggal 12-11-2026", 10, False),
    ("hari Kamis tanggal 12 November 2026 pukul 10.00 WIB", 10, False),
    # Palembang and Musi Banyuasin
    ("tadi malem", 1, False),
    ("la 3 ari", 3, True),
    ("lah duo ari", 2, True),
    ("mulai kemaren", 1, True),
    # Makassar
    ("sudahmi 3 hari", 3, True),
    ("kemarinji", 1, False),
    ("dari tadi malam", 1, True),
    # Javanese
    ("wingi sore", 1, False),
    ("ket wingi", 1, True),
    ("mau bengi", 1, False),
    ("wis telung dino", 3, True),
    ("dino senin", 6, False),
    # English
    ("yesterday", 1, False),
    ("since yesterday", 1, True),
    ("3 days ago", 3, False),
    ("last night", 1, False),
    ("last monday", 6, False),
    ("since monday", 6, True),
]


@pytest.mark.parametrize(("words", "back", "since"), TO_THE_DAY)
def test_a_story_tells_the_day(words: str, back: int, since: bool) -> None:
    expected = When(words, TODAY - dt.timedelta(back), since=since)
    assert when_in(f"Lampu jalan mati {words}, tolong dicek", TODAY) == expected
    assert when_in(f"{words} rumah kami kebanjiran.", TODAY) == expected
    assert read_when(words.upper(), TODAY) == When(words.upper(), expected.day, since=since)


# What a story tells to the month or the year, or not at all: words, month or year, whether it lasts.
ROUGHLY = [
    ("sejak 3 bulan lalu", "2026-08", True),
    ("sudah 3 bulan", "2026-08", True),
    ("udh 3 bln", "2026-08", True),
    ("sudah lebih dari 2 bulan", "2026-09", True),
    ("selama 6 bulan ini", "2026-05", True),
    ("3 bulan yang lalu", "2026-08", False),
    ("sekitar 5bulan yg lalu", "2026-06", False),
    ("2 minggu yang lalu", "2026-11", False),
    ("sudah 4 minggu", "2026-10", True),
    ("sudah seminggu", "2026-11", True),
    ("sudah hampir setahun", "2025-11", True),
    ("hampir setahun", "2025-11", True),
    ("sebulan yang lalu", "2026-10", False),
    ("sudah 2 tahun", "2024", True),
    ("5 tahun lalu", "2021", False),
    ("sudah dua puluh tahun", "2006", True),
    ("sudah 1,5 tahun", "2025-05", True),
    ("minggu lalu", "2026-11", False),
    ("minggu kemarin", "2026-11", False),
    ("bulan lalu", "2026-10", False),
    ("dari bulan kemarin", "2026-10", True),
    ("bulan ini", "2026-11", False),
    ("tahun lalu", "2025", False),
    ("sejak tahun lalu", "2025", True),
    ("sejak 2019", "2019", True),
    ("dari tahun 2021", "2021", True),
    ("pada tahun 2020", "2020", False),
    ("sejak Maret 2022", "2022-03", True),
    ("bulan Maret", "2026-03", False),
    ("bulan Desember", "2025-12", False),
    ("sejak Agustus", "2026-08", True),
    ("dari bulan 10", "2026-10", True),
    ("bulan maret tahun lalu", "2025-03", False),
    ("awal bulan ini", "2026-11", False),
    ("akhir bulan lalu", "2026-10", False),
    ("awal tahun 2022", "2022", False),
    ("sejak awal tahun", "2026", True),
    ("pertengahan Mei", "2026-05", False),
    ("sudah beberapa bulan", None, True),
    ("beberapa hari yang lalu", None, False),
    ("sudah puluhan tahun", None, True),
    ("bertahun-tahun", None, True),
    ("berbulan bulan", None, True),
    ("akhir-akhir ini", None, True),
    ("sudah lama", None, True),
    ("sudah sangat lama", None, True),
    ("sejak lama", None, True),
    ("dari dulu", None, True),
    ("belum lama ini", None, False),
    ("baru-baru ini", None, False),
    ("sejak lebaran", None, True),
    ("lebaran kemarin", None, False),
    ("bulan puasa kemarin", None, False),
    ("sejak pandemi", None, True),
    ("tiap malam", None, False),
    ("setiap hujan", None, False),
    ("hampir setiap hari", None, False),
    ("setiap hari", None, False),
    ("tiap hari", None, False),
    ("saben ari", None, False),
    ("seminggu", "2026-11", True),
    ("sebulan", "2026-10", True),
    ("setahun lebih", "2025-11", True),
    ("sejak toko bangunan sebelah mulai beroperasi bulan lalu", "2026-10", True),
    ("sejak pipa di ujung lorong diganti tahun 2024", "2024", True),
    # Palembang and Musi Banyuasin
    ("lah lame", None, True),
    ("la lamo", None, True),
    ("lah seminggu", "2026-11", True),
    ("la 2 taun", "2024", True),
    # Makassar and Manado
    ("sudahmi 3 bulan", "2026-08", True),
    ("so lama", None, True),
    ("lamami", None, True),
    # Javanese
    ("wis suwe", None, True),
    ("wis telung sasi", "2026-08", True),
    ("ket biyen", None, True),
    ("saben bengi", None, False),
    # English
    ("since last week", "2026-11", True),
    ("for 3 months", "2026-08", True),
    ("last month", "2026-10", False),
    ("since march", "2026-03", True),
    ("every night", None, False),
]


@pytest.mark.parametrize(("words", "about", "since"), ROUGHLY)
def test_a_story_tells_about_when(words: str, about: str | None, since: bool) -> None:
    expected = When(words, about=about, since=since)
    assert when_in(f"Selokan di lorong kami mampet {words}. Tolong pak", TODAY) == expected
    assert read_when(words, TODAY) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Air keruh sejak ada tambang di hulu", "sejak ada tambang di hulu"),
        ("semenjak kades baru dilantik jalan dibiarkan", "semenjak kades baru dilantik jalan"),
        ("dari jam 7 pagi tadi listrik mati", "dari jam 7 pagi tadi"),
        ("mati lampu dari tadi malam jam 11.30 sampai sekarang", "dari tadi malam jam 11.30"),
        ("setelah banjir bulan Maret jembatan miring", "bulan Maret"),
        ("tiap hujan banjir sampai lutut", "tiap hujan"),
        ("tiap banjir anak tidak sekolah", "tiap banjir"),
        ("setiap musim hujan banjir lagi", "setiap musim hujan"),
        ("setiap hari macet", "setiap hari"),
        ("sejak gedung serba guna yang lama dibongkar", "sejak gedung serba guna"),
        ("masalah parit kemarin meluap lagi", "kemarin"),
        ("tolong SEKARANG ada pohon tumbang", "SEKARANG"),
    ],
)
def test_the_words_are_those_that_belong_together(text: str, words: str) -> None:
    assert told(text).words == words


def test_since_when_says_more_than_when_and_a_day_more_than_a_month() -> None:
    text = "Bulan lalu sudah kami lapor ke RT. Lampu jalan padam sejak tanggal 12 November. Kemarin ada yang jatuh."
    assert told(text) == When("sejak tanggal 12 November", date(2026, 11, 12), since=True)
    assert told("Bulan lalu ramai. Kemarin sore ada yang jatuh").words == "Kemarin sore"
    assert told("Senin air mati, sudah lama begini, sejak Maret").words == "sejak Maret"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("masalah ini sudah 2 bulan", When("sudah 2 bulan", about="2026-09", since=True)),
        ("tanggal 5 janji petugas datang", When("tanggal 5", date(2026, 11, 5))),
        ("pohon yang barusan tumbang", When("barusan", TODAY)),
        ("pohon yang tadi pagi tumbang", When("tadi pagi", TODAY)),
        (
            "Surat warga tanggal 2 November 2026: lampu padam sejak 9 Oktober 2026",
            When("sejak 9 Oktober 2026", date(2026, 10, 9), since=True),
        ),
        ("Surat RT nomor 7/X/2026 tgl 14 Oktober 2026. Tanggul jebol kemarin", When("kemarin", YESTERDAY)),
        ("Surat pindah saya ajukan tanggal 5 Oktober", When("tanggal 5 Oktober", date(2026, 10, 5))),
        ("surat domisili belum jadi sejak tanggal 5", When("sejak tanggal 5", date(2026, 11, 5), since=True)),
        ("Rumah nomor 12 tanggal 3 November kebanjiran", When("tanggal 3 November", date(2026, 11, 3))),
        ("Laporan ini dibuat 20 November 2026, longsornya Kamis lalu", When("Kamis lalu", date(2026, 11, 19))),
        ("Sampah menumpuk seminggu tidak diangkut", When("seminggu", about="2026-11", since=True)),
        ("Setahun lebih jalan dibiarkan hancur", When("Setahun lebih", about="2025-11", since=True)),
        (
            "sejak pagar dibongkar tanggal 3 November sapi masuk",
            When("sejak pagar dibongkar tanggal 3 November", date(2026, 11, 3), since=True),
        ),
    ],
)
def test_the_time_is_that_of_what_happened(text: str, when: When) -> None:
    assert told(text) == when


# Numbers and words that look like a time.
NO_TIME = [
    "harga gas naik jadi Rp 25.000",
    "rumah di RT 03/02",
    "RT 03 RW 02 kelurahan kami",
    "No. 11/10 belakang masjid",
    "jl 12/5 rusak",
    "Jalan 17 Agustus berlubang",
    "jalan 28 Oktober macet",
    "skor 3-2 untuk kami",
    "hubungi 0812-3456-7890",
    "telepon (0711) 312345",
    "3/4 jalan tertutup tanah",
    "lubang di km 12",
    "jam kerja petugas tidak jelas",
    "buka senin sampai jumat",
    "pelayanan Senin - Jumat saja",
    "peraturan nomor 5 tahun 2019",
    "UU No. 25 Tahun 2009",
    "anak saya umur 3 tahun",
    "ibu saya berusia 60 tahun",
    "lahir 12 Mei 1980 di Palembang",
    "sampai sekarang tetap gelap",
    "sampai hari ini tidak diangkut",
    "hingga kemarin belum dibayar",
    "dibayar setiap bulan",
    "tidak lama kemudian hujan",
    "sebulan sekali petugas datang",
    "proses paling lama 3 hari kerja",
    "5 hari kerja setelah berkas masuk",
    "sejak kapan ada aturan itu",
    "pasar minggu penuh sampah",
    "iuran 2 bulan belum lunas",
    "besok mau ditutup warga",
    "akan dibangun tahun depan",
    "versi 2.5.14 aplikasinya rusak",
    "alamat ip 192.168.10.1",
    "akhir tahun warga butuh uang",
    "seperti yang tadi saya ceritakan",
    "lubang yg tadi itu",
    "surat tertanggal 4 November 2026 dari kelurahan",
    "surat pengantar RT tanggal 4 November 2026",
    "nomor 21/SP/2026 tanggal 4 November 2026",
    "laporan ini dibuat tanggal 4 November 2026",
    "tertanda, 4 November 2026",
    "anak saya umur setahun, belum dapat vaksin",
    "bayi setahun, gizinya kurang",
    "petugas datang seminggu sekali",
    "seminggu dua kali, truk lewat",
    "iuran 20 ribu sebulan, tidak ada kuitansi",
    "gaji sebulan, tidak cukup",
    "sebulan Rp 30.000 untuk sampah",
    "setiap hari Senin pelayanan tutup",
    "",
    "???",
]


@pytest.mark.parametrize("text", NO_TIME)
def test_what_is_no_time_in_a_story(text: str) -> None:
    assert when_in(text, TODAY) is None


@pytest.mark.parametrize(
    "text",
    ["RT 03/02", "jl 12/5", "Rp 150.000", "0812-3456-7890", "skor 3-2", "umur 60 tahun", "gatau", "lupa", "di Plaju"],
)
def test_what_is_no_time_in_an_answer_either(text: str) -> None:
    assert read_when(text, TODAY) is None


# What is too weak for a story and enough for an answer.
ANSWERS = [
    ("3 bulan", When("3 bulan", about="2026-08", since=True)),
    ("2 hari", When("2 hari", date(2026, 11, 20), since=True)),
    ("seminggu", When("seminggu", about="2026-11", since=True)),
    ("3-4 bulan", When("3-4 bulan", about="2026-07", since=True)),
    ("senin", When("senin", date(2026, 11, 16))),
    ("Jum'at", When("Jum'at", date(2026, 11, 20))),
    ("minggu", When("minggu")),
    ("2019", When("2019", about="2019")),
    ("Maret", When("Maret", about="2026-03")),
    ("bulan 8", When("bulan 8", about="2026-08")),
    ("lama", When("lama", since=True)),
    ("udah lama", When("udah lama", since=True)),
    ("lamo nian", When("lamo", since=True)),
    ("baru aja", When("baru aja", TODAY)),
    ("baru", When("baru")),
    ("sekarang", When("sekarang", TODAY)),
    ("malam", When("malam")),
    ("jam 7", When("jam 7")),
    ("sering", When("sering")),
    ("setiap bulan", When("setiap bulan")),
    ("tiap hari", When("tiap hari")),
    ("kira-kira 2 tahun lah pak", When("kira-kira 2 tahun", about="2024", since=True)),
    ("kayaknya 12/11", When("12/11", date(2026, 11, 12))),
]


@pytest.mark.parametrize(("text", "when"), ANSWERS)
def test_an_answer_may_be_short(text: str, when: When) -> None:
    assert read_when(text, TODAY) == when


@pytest.mark.parametrize("text", ["3 bulan", "senin", "2019", "lama", "sering", "11/10", "malam", "setiap bulan"])
def test_so_little_is_too_weak_for_a_story(text: str) -> None:
    assert when_in(f"Warga resah {text} soal parkir liar di depan pasar yang tidak pernah ditertibkan", TODAY) is None


def test_todays_own_name_may_be_today_or_a_week_ago() -> None:
    assert told("hari minggu air mati").day is None
    assert told("hari minggu lalu air mati").day == date(2026, 11, 15)
    assert told("minggu pagi ini air mati").day in {None, TODAY}


def test_a_text_of_any_length_is_read() -> None:
    assert when_in("jalan rusak " * 100_000, TODAY) is None
    assert told("sejak kemarin " + "jalan rusak " * 100_000).day == YESTERDAY
