"""Every label that the model can say has a name that people can read, in both languages."""

from classifier import modelfile
from classifier.labels import read_names
from classifier.topics import plain


def test_every_label_of_the_model_has_a_name() -> None:
    model, _ = modelfile.read()
    names = read_names()
    for head, named in (
        ("functions", names.functions),
        ("topics", names.topics),
        ("report_class", names.report_class),
    ):
        assert [label for label in model.heads[head].labels if label not in named] == []
        for name in named.values():
            assert name.id.strip()
            assert name.en.strip()


def test_what_is_never_predicted_is_not_predicted() -> None:
    model, _ = modelfile.read()
    assert not {"", "kec_kel", "pemda_umum"} & set(model.heads["functions"].labels)
    assert not {"", "CORONA VIRUS", "PENIADAAN MUDIK", "TOPIK KHUSUS"} & set(model.heads["topics"].labels)
    assert set(model.heads["report_class"].labels) == {"pengaduan", "aspirasi", "permintaan_informasi"}


def test_topics_have_plain_spaces() -> None:
    model, _ = modelfile.read()
    assert all(label == plain(label) and "\N{NO-BREAK SPACE}" not in label for label in model.heads["topics"].labels)
