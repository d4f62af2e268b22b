"""Messages to citizens of every shape, for properties that must hold whatever is said."""

from __future__ import annotations

from hypothesis import strategies as st

from bot.messages import Address, Button, File, Outgoing, Template

WORDS = st.sampled_from(
    ["jalan", "rusak", "di", "Sekayu,", "🙏", "é\u0301", "*", "_", "1.", "x" * 90, "\n", "\n\n", "\t"]
)
LONG = st.sampled_from([1, 1, 1, 30, 300])  # so many times over


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Words in lines and paragraphs, from none to many thousand characters."""
    return " ".join(draw(st.lists(WORDS, max_size=12)) * draw(LONG))


@st.composite
def buttons(draw: st.DrawFn, most: int = 14) -> tuple[Button, ...]:
    """Choices, seldom with one label or one id for two of them."""
    words = st.sampled_from(["Ya", "Tidak", "Dinas", "Pekerjaan", "Umum", "🙏", "Kabupaten", "Kota", "x" * 30])
    labels = st.lists(words, min_size=1, max_size=9).map(" ".join)
    ids = st.integers(0, 40).map(lambda number: f"T-482-173-9056:place:{number}") | st.just("é" * 32)
    count = draw(st.sampled_from([0, 0, 1, 2, 3, 4, 10, most]))
    return tuple(
        Button(draw(labels) + draw(st.sampled_from(["", f" {at}"])), draw(st.sampled_from([f"choice:{at}", draw(ids)])))
        for at in range(count)
    )


@st.composite
def files(draw: st.DrawFn) -> tuple[File, ...]:
    """Up to four small files of all kinds."""
    kinds = [
        File("photo", b"\xff\xd8\xff", "image/jpeg", "sesudah ditambal.jpg"),
        File("photo", b"RIFF", "image/webp", "lubang.webp"),
        File("voice", b"OggS", "audio/ogg; codecs=opus", "rekaman.ogg"),
        File("video", b"ftyp", "video/mp4", "pengerjaan.mp4"),
        File("document", b"%PDF", "application/pdf", "Berita acara – “tahap 2”.pdf"),
    ]
    return tuple(draw(st.lists(st.sampled_from(kinds), max_size=4)))


TEMPLATES = st.builds(
    Template,
    st.sampled_from(["lapor_kabar_laporan", "lapor_diteruskan"]),
    st.sampled_from(["id", "en", "en_US"]),
    st.lists(texts(), max_size=5).map(tuple),
    st.none() | st.just("status"),
)
NO_TEMPLATE: st.SearchStrategy[Template | None] = st.none()
ADDRESSES = st.sampled_from(["6281234567890", "ID.13491208655302741918", "ID.ENT.11815799212886844830"])


def messages(templates: st.SearchStrategy[Template | None] = NO_TEMPLATE) -> st.SearchStrategy[Outgoing]:
    """Any message to somebody on WhatsApp that says something."""
    return st.builds(
        Outgoing,
        ADDRESSES.map(lambda user: Address("whatsapp", user)),
        texts(),
        buttons(),
        files=files(),
        asks=st.sampled_from([None, "place", "photos"]),
        template=templates,
        language=st.sampled_from(["id", "en"]),
        missing=st.sampled_from(["", "Ada berkas yang tidak bisa dikirim."]),
    )
