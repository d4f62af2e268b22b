"""What people say beside their complaint, and what only sounds like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.asides import Afterwards, Change, Privacy, afterwards_in, change_in, command_in, privacy_in

WORDS = (
    "tolong rahasiakan identitas nama saya laporan jangan ditampilkan anonim ganti lokasi jadi salah maksudnya bukan "
    "tapi ralat : , . tambah foto hapus belum selesai masih rusak sudah beres nilai 4 bintang ⭐ tarik cabut dinas "
    "pindah ke wa data T-123-456-7890 padahal jawab keterangan"
).split()
ANY = st.one_of(st.text(max_size=200), st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))


@given(ANY)
def test_any_text_is_read_and_what_is_left_over_is_verbatim(text: str) -> None:
    wish = privacy_in(text)
    assert wish != Privacy()
    change = change_in(text)
    assert change is None or change.rest in text
    said = afterwards_in(text)
    if said is not None:
        assert said.rest in text
        assert (said.stars is None) == (said.act != "rate")
        assert said.stars is None or 1 <= said.stars <= 5
    assert command_in(text) in {None, "move", "mydata", "erase"}


@given(st.sampled_from(["Jalan rusak parah di depan pasar", "Air PDAM mati", "Pungli di sekolah"]), ANY)
def test_a_wish_stands_wherever_it_is_said(story: str, more: str) -> None:
    wish = privacy_in(f"{story}. Mohon identitas saya dirahasiakan. {more}")
    assert wish is not None
    assert wish.anonymous


@pytest.mark.parametrize("text", ["", " ", "??", "👍", "a" * 100_000, "tolong " * 20_000])
def test_odd_texts_say_nothing(text: str) -> None:
    assert (privacy_in(text), change_in(text), afterwards_in(text), command_in(text)) == (None, None, None, None)


# --- privacy -------------------------------------------------------------------------------------

NAME, REPORT, BOTH = Privacy(anonymous=True), Privacy(secret=True), Privacy(anonymous=True, secret=True)
WISHES = [
    # What is to be hidden is not said: the name for certain, the report is to be asked.
    ("tolong dirahasiakan", NAME),
    ("Mohon dirahasiakan ya pak", NAME),
    ("rahasiakan ya min", NAME),
    ("dirahasiakan saja", NAME),
    ("tulung dirahasiake yo", NAME),
    ("tolong di rahasiakan", NAME),
    # The name.
    ("anonim", NAME),
    ("anonim aja", NAME),
    ("Anonim saja pak.", NAME),
    ("mau anonim", NAME),
    ("anonymous please", NAME),
    ("tanpa nama", NAME),
    ("rahasiakan identitas saya", NAME),
    ("tolong rahasiakan nama saya ya", NAME),
    ("nama saya dirahasiakan", NAME),
    ("nama saya jangan tampil", NAME),
    ("nama saya jangan sampai muncul", NAME),
    ("jangan sebut nama saya", NAME),
    ("jangan tampilkan nama saya pak", NAME),
    ("jangan sampai nama saya disebut", NAME),
    ("saya tidak mau namanya muncul", NAME),
    ("aku tidak mau identitasku diketahui", NAME),
    ("gak mau nama saya ditampilkan", NAME),
    ("jangan sampai pak RT tahu saya yang lapor", NAME),
    ("jangan kasih tau siapa yang lapor", NAME),
    ("namo aku jangan disebut", NAME),
    ("jangan disebut namo aku yo", NAME),
    ("jenengku ojo disebut", NAME),
    ("ojo disebut jenengku", NAME),
    ("janganki sebut namaku", NAME),
    ("don't show my name", NAME),
    ("please keep me anonymous", NAME),
    ("keep my name private", NAME),
    # The report.
    ("rahasia", REPORT),
    ("rahasia aja", REPORT),
    ("laporan ini jangan dipublikasikan", REPORT),
    ("jangan sebarkan laporan saya", REPORT),
    ("laporan saya tolong dirahasiakan", REPORT),
    ("mohon rahasiakan laporan ini", REPORT),
    ("isi laporan dirahasiakan ya", REPORT),
    ("keep this report confidential", REPORT),
    # Both.
    ("dua-duanya", BOTH),
    ("dua duanya aja", BOTH),
    ("duo-duonyo", BOTH),
    ("loro-lorone", BOTH),
    ("keduanya", BOTH),
    ("anonim dan rahasia", BOTH),
    ("rahasia dan anonim", BOTH),
    ("tolong rahasiakan nama dan laporan saya", BOTH),
    ("both", BOTH),
    # Neither.
    ("boleh ditampilkan", Privacy(anonymous=False, secret=False)),
    ("tampilkan saja", Privacy(anonymous=False, secret=False)),
    ("tidak usah dirahasiakan", Privacy(anonymous=False, secret=False)),
    ("nama saya boleh ditampilkan", Privacy(anonymous=False)),
    ("tidak perlu anonim", Privacy(anonymous=False)),
    ("laporannya boleh dipublikasikan", Privacy(secret=False)),
]


@pytest.mark.parametrize(("text", "wish"), WISHES)
def test_a_wish_about_name_and_report(text: str, wish: Privacy) -> None:
    assert privacy_in(text) == wish
    assert privacy_in(text.upper()) == wish


IN_STORIES = [
    ("Ada judi dadu tiap sore di belakang balai desa. Mohon identitas saya dirahasiakan karena takut.", NAME),
    ("jalan rusak di depan rumah kades, tolong jangan sebut nama saya ya pak", NAME),
    ("Saya mau lapor anonim soal pungutan di sekolah", NAME),
    ("Guru memungut uang buku. Tolong dirahasiakan. Sekolahnya SD di Plaju", NAME),
    ("Petugas minta uang, tolong laporan saya dirahasiakan dan dicek", REPORT),
    ("Rahasiakan nama saya. Laporan ini jangan dipublikasikan. Ada limbah di sungai", BOTH),
    ("Ado pungli di pasar, tulung namo aku dirahasiake", NAME),
]


@pytest.mark.parametrize(("text", "wish"), IN_STORIES)
def test_a_wish_inside_a_story(text: str, wish: Privacy) -> None:
    assert privacy_in(text) == wish


@pytest.mark.parametrize(
    "text",
    [
        "Dana desa dirahasiakan oleh kades dan perangkatnya",
        "Sudah jadi rahasia umum ada pungli di kantor itu",
        "Panitia merahasiakan nama penerima bansos",
        "Ada telepon anonim yang menipu warga",
        "Surat kaleng anonim beredar di kampung kami",
        "Nama saya tidak muncul di daftar penerima bantuan",
        "Nama saya belum tercantum di DTKS",
        "Identitas saya dipakai orang untuk pinjaman",
        "Kenapa hasil lelang jadi rahasia perusahaan",
        "Data pasien bocor dari puskesmas",
        "PIN ATM itu rahasia tapi diminta petugas",
        "Petugas tidak mau menyebut nama saat ditanya warga",
        "Laporan keuangan desa tidak pernah dipublikasikan",
        "Laporan keuangan masjid dirahasiakan bendahara",
        "Jalan di depan rumah saya rusak, biasa saja kalau kering, banjir kalau hujan",
        "Jangan buka tutup jalan seenaknya di depan pasar",
    ],
)
def test_a_complaint_about_secrets_is_no_wish(text: str) -> None:
    assert privacy_in(text) is None


# --- corrections ---------------------------------------------------------------------------------

CHANGES = [
    ("ganti lokasi", Change("place")),
    ("tolong ganti lokasinya", Change("place")),
    ("mau ubah alamat", Change("place")),
    ("ubah tempatnya jadi Jalan Merdeka", Change("place", "Jalan Merdeka")),
    ("ganti lokasi ke Simpang Lima", Change("place", "Simpang Lima")),
    ("koreksi tempat Jalan Sudirman", Change("place", "Jalan Sudirman")),
    ("edit lokasi: depan SMP 2 Sekayu", Change("place", "depan SMP 2 Sekayu")),
    ("ubah lokasi kejadian jadi Desa Lais", Change("place", "Desa Lais")),
    ("gantike tempatnyo jadi Plaju", Change("place", "Plaju")),
    ("ganti waktunya", Change("time")),
    ("ubah tanggal jadi 12 November", Change("time", "12 November")),
    ("ganti jenis laporan", Change("class")),
    ("ubah isi laporan", Change("story")),
    ("edit laporan saya", Change("story")),
    ("ubah ceritanya jadi lubangnya dua", Change("story", "lubangnya dua")),
    ("ganti foto", Change("photos")),
    ("tambah foto", Change("photos", act="add")),
    ("mau nambah foto lagi", Change("photos", act="add")),
    ("hapus fotonya", Change("photos", act="remove")),
    ("hapus foto tadi", Change("photos", act="remove")),
    ("tambah keterangan: dekat sekolah", Change("story", "dekat sekolah", "add")),
    ("lokasinya salah", Change("place")),
    ("alamatnya keliru", Change("place")),
    ("fotonya salah", Change("photos")),
    ("tempatnya bukan di Plaju tapi Kertapati", Change("place", "Kertapati")),
    ("lokasinya salah, harusnya Plaju", Change("place", "Plaju")),
    ("waktunya salah, harusnya kemarin", Change("time", "kemarin")),
    ("tanggalnya bukan 12 tapi 13 November", Change("time", "13 November")),
    ("salah, maksudnya Plaju", Change(None, "Plaju")),
    ("eh salah maksud saya Kertapati", Change(None, "Kertapati")),
    ("maksudku Jalan Radial", Change(None, "Jalan Radial")),
    ("eh bukan plaju tapi kertapati", Change(None, "kertapati")),
    ("bukan jalan merdeka, tapi jalan sudirman", Change(None, "jalan sudirman")),
    ("dudu Plaju ning Kertapati", Change(None, "Kertapati")),
    ("ralat: sejak kemarin", Change(None, "sejak kemarin")),
    ("ralat, lampunya tiga", Change(None, "lampunya tiga")),
    ("koreksi: di depan masjid", Change(None, "di depan masjid")),
    ("ralat: lokasinya di Sekayu", Change("place", "di Sekayu")),
    ("salah ketik", Change(None)),
    ("ada yang salah", Change(None)),
    ("eh bukan, Plaju", Change(None, "Plaju")),
    ("sorry, i mean Kertapati", Change(None, "Kertapati")),
    ("change location to Plaju", Change("place", "Plaju")),
    ("nama saya jangan tampil", Change("privacy", "nama saya jangan tampil")),
    ("ganti jadi anonim", Change("privacy", "ganti jadi anonim")),
    ("ubah privasi", Change("privacy")),
]


@pytest.mark.parametrize(("text", "change"), CHANGES)
def test_a_correction(text: str, change: Change) -> None:
    assert change_in(text) == change


@pytest.mark.parametrize(
    "text",
    [
        "ganti nama di KTP saya",
        "ubah alamat KK saya belum jadi",
        "mohon ganti lampu jalan yang mati",
        "tolong perbaiki jalan di depan pasar",
        "tambah guru di sekolah kami",
        "tambah lokasi parkir di pasar",
        "hapus tato di kantor dinas",
        "ubah jenis kelamin di kartu keluarga",
        "salah satu warga jatuh di lubang itu",
        "salah sasaran bansos di desa kami",
        "seharusnya jalan ini sudah diperbaiki",
        "bukan hanya jalan tapi juga jembatan rusak",
        "alamat tidak sesuai KTP",
        "nama saya salah di akta kelahiran",
        "koreksi nilai rapor anak saya",
        "ubah alamat email",
        "jalan rusak di Plaju sejak 3 bulan",
        "lampu mati",
        "lokasi di Jalan Merdeka",
    ],
)
def test_what_is_no_correction(text: str) -> None:
    assert change_in(text) is None


# --- about a complaint that is filed -----------------------------------------------------------------

SAID = [
    ("belum selesai", Afterwards("unresolved")),
    ("belum diperbaiki pak", Afterwards("unresolved")),
    ("masih rusak", Afterwards("unresolved")),
    ("masih sama aja", Afterwards("unresolved")),
    ("lampunya masih mati", Afterwards("unresolved")),
    ("belum ada tindakan", Afterwards("unresolved")),
    ("tidak ada perubahan", Afterwards("unresolved")),
    ("tidak sesuai kenyataan", Afterwards("unresolved")),
    ("rusak lagi pak", Afterwards("unresolved")),
    ("laporan saya belum selesai", Afterwards("unresolved")),
    ("statusnya selesai padahal masih berlubang", Afterwards("unresolved")),
    ("katanya sudah diperbaiki tapi masih rusak", Afterwards("unresolved")),
    ("dak katek perubahan", Afterwards("unresolved")),
    ("durung didandani", Afterwards("unresolved")),
    ("belumpi selesai", Afterwards("unresolved")),
    ("still broken", Afterwards("unresolved")),
    ("not fixed", Afterwards("unresolved")),
    ("jalan masih rusak", Afterwards("unresolved", sure=False)),
    ("lampu jalan masih mati", Afterwards("unresolved", sure=False)),
    ("sudah selesai", Afterwards("resolved")),
    ("sudah beres pak terima kasih", Afterwards("resolved")),
    ("terima kasih sudah diperbaiki", Afterwards("resolved")),
    ("alhamdulillah sudah diaspal", Afterwards("resolved")),
    ("lampunya sudah nyala", Afterwards("resolved")),
    ("la beres", Afterwards("resolved")),
    ("wis apik", Afterwards("resolved")),
    ("sudahmi selesai", Afterwards("resolved")),
    ("jalan sudah diaspal", Afterwards("resolved", sure=False)),
    ("nilai 4", Afterwards("rate", stars=4)),
    ("bintang 5", Afterwards("rate", stars=5)),
    ("5 bintang", Afterwards("rate", stars=5)),
    ("bintang lima", Afterwards("rate", stars=5)),
    ("saya kasih 3", Afterwards("rate", stars=3)),
    ("beri nilai 2", Afterwards("rate", stars=2)),
    ("4/5", Afterwards("rate", stars=4)),
    ("nilai 4 dari 5", Afterwards("rate", stars=4)),
    ("bintang 5, cepat sekali", Afterwards("rate", "cepat sekali", 5)),
    ("⭐⭐⭐", Afterwards("rate", stars=3)),
    ("⭐⭐ lambat", Afterwards("rate", "lambat", 2)),
    ("1 star", Afterwards("rate", stars=1)),
    ("salah dinas", Afterwards("wrong_agency")),
    ("salah instansi pak", Afterwards("wrong_agency")),
    ("bukan dinas itu", Afterwards("wrong_agency")),
    ("dudu dinas kuwi", Afterwards("wrong_agency")),
    ("salah dinas, harusnya ke Dishub", Afterwards("wrong_agency", "Dishub")),
    ("harusnya ke Dishub", Afterwards("wrong_agency", "Dishub", sure=False)),
    ("tarik laporan", Afterwards("withdraw")),
    ("saya cabut laporannya", Afterwards("withdraw")),
    ("mau tarik laporan saya pak", Afterwards("withdraw")),
    ("batalkan laporan T-024-123-4567", Afterwards("withdraw")),
    ("laporan saya dibatalkan saja", Afterwards("withdraw")),
    ("cabut laporan karena sudah diperbaiki", Afterwards("withdraw", "karena sudah diperbaiki")),
    ("tambah keterangan lubangnya makin dalam", Afterwards("add", "lubangnya makin dalam")),
    ("tambahan: lubangnya dekat sekolah", Afterwards("add", "lubangnya dekat sekolah")),
    ("info tambahan, tiangnya miring", Afterwards("add", "tiangnya miring")),
    ("saya mau menambahkan tiangnya miring", Afterwards("add", "tiangnya miring", sure=False)),
    ("jawaban: nomor tiang 42", Afterwards("answer", "nomor tiang 42")),
    ("jawaban saya nomor tiang 42", Afterwards("answer", "nomor tiang 42", sure=False)),
]


@pytest.mark.parametrize(("text", "said"), SAID)
def test_what_is_said_about_a_filed_complaint(text: str, said: Afterwards) -> None:
    assert afterwards_in(text) == said


@pytest.mark.parametrize(
    "text",
    [
        "jalan masih rusak di Plaju sejak 3 bulan",
        "air PDAM belum mengalir di Lorong Mawar RT 3 sudah seminggu",
        "KTP saya belum selesai di Disdukcapil padahal rekam sejak Maret",
        "lampu jalan di depan SD mati",
        "nilai 45 siswa hilang dari rapor",
        "hotel bintang 5 buang limbah ke sungai",
        "kasih 2 tempat sampah di pasar",
        "nilai 9",
        "laporan polisi dicabut paksa",
        "saya dipaksa cabut laporan oleh kades",
        "cabut laporan polisi",
        "tambah guru di sekolah kami",
        "salah satu dinas minta uang",
        "mohon segera diperbaiki",
        "kapan selesai",
        "apakah sudah selesai?",
        "terima kasih",
        "halo",
    ],
)
def test_what_may_as_well_be_a_new_complaint(text: str) -> None:
    assert afterwards_in(text) is None


# --- commands ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("pindah", "move"),
        ("Pindah ke WhatsApp", "move"),
        ("mau pindah ke wa", "move"),
        ("pindah ke hp lain", "move"),
        ("pindah hp baru", "move"),
        ("lanjut di hp lain ya", "move"),
        ("lanjutkan di telegram", "move"),
        ("ganti nomor", "move"),
        ("continue on whatsapp", "move"),
        ("data saya", "mydata"),
        ("lihat data saya", "mydata"),
        ("data apa yang disimpan?", "mydata"),
        ("data apa saja yang kalian simpan tentang saya", "mydata"),
        ("my data", "mydata"),
        ("hapus data saya", "erase"),
        ("tolong hapus semua data saya", "erase"),
        ("hapus percakapan ini", "erase"),
        ("delete my data", "erase"),
        ("pindah domisili", None),
        ("pindah sekolah", None),
        ("pindah ke Palembang", None),
        ("data saya salah di DTKS", None),
        ("data saya hilang", None),
        ("hapus data saya dari DTKS", None),
        ("hapus denda pajak", None),
        ("lanjut", None),
        ("ganti lokasi", None),
        ("jalan rusak", None),
    ],
)
def test_commands_in_words(text: str, command: str | None) -> None:
    assert command_in(text) == command
