"""Which languages the names of files and columns say."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.about import AboutSettings
from seq2seq.config.language_tags import is_well_formed
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.languages import guess_languages

NONE = ("", "")
TWO_FILES = [
    ("train.de train.en", ("de", "en")),
    ("train.de.gz train.en.gz", ("de", "en")),
    ("train.deu.txt train.eng.txt.xz", ("de", "en")),
    ("a/de/europarl-v7.de-en.de a/de/europarl-v7.de-en.en", ("de", "en")),
    ("train_fr.txt train_de.txt", ("fr", "de")),
    ("val_FR val-DE", ("fr", "de")),
    ("train.pt-BR train.zh_Hant.bz2", ("pt-BR", "zh-Hant")),
    ("eng_Latn.dev zho_Hans.dev", ("en-Latn", "zh-Hans")),
    ("german.txt English.txt", ("de", "en")),
    ("dev.en dev.fon", ("en", "fon")),
    ("quy_Latn.dev gug.dev", ("qu-Latn", "gn")),
    ("train.tok.bpe.32000.cs train.tok.bpe.32000.uk", ("cs", "uk")),
    ("train.src train.tgt", NONE),
    ("train.mt train.pe", NONE),  # machine translation and its post-editing, not Maltese
    ("train.src train.en", NONE),
    ("to_do.it to_be.it", NONE),
    ("my_corpus.txt no_sentences.txt", NONE),
    ("train.txt test.txt", NONE),
    ("de/train.txt en/train.txt", NONE),
]
ONE_FILE = [
    ("eng-deu.tsv", ("en", "de")),
    ("eng-fra.tsv.gz", ("en", "fr")),
    ("train.en-de.jsonl", ("en", "de")),
    ("a-b/opus_en_fr.csv", ("en", "fr")),
    ("EN-DE.tsv", ("en", "de")),
    ("Tatoeba-v2023-04-12-deu-eng.tsv", ("de", "en")),
    ("en2fr.parquet", ("en", "fr")),
    ("train.en-to-fr.tsv", ("en", "fr")),
    ("english-german.txt", ("en", "de")),
    ("en-pt-BR.tsv", ("en", "pt-BR")),
    ("eng_Latn-deu_Latn.tsv", ("en-Latn", "de-Latn")),
    ("user/wmt14:de-en", ("de", "en")),
    ("pt-BR.tsv", NONE),
    ("deu.txt", NONE),
    ("pairs.tsv", NONE),
    ("my-en-de.tsv", NONE),  # Burmese, English, German
    ("is-this-it.tsv", NONE),
    ("de-de.tsv", NONE),
    ("train-00000-of-00002.parquet", NONE),
    ("", NONE),
]
COLUMNS = [
    (("de", "en"), ("de", "en")),
    (("English", "German"), ("en", "de")),
    (("english", "Chichewa"), ("en", "ny")),
    (("text_pt_BR", "sentence_eng"), ("pt-BR", "en")),
    (("eng_Latn", "Chinese (simplified)"), ("en-Latn", "zh")),
    (("source", "en"), NONE),
    (("source", "target"), NONE),
    (("id", "text"), NONE),
]


@pytest.mark.parametrize(("files", "expected"), TWO_FILES)
def test_each_of_two_files_says_its_own(files: str, expected: tuple[str, str]) -> None:
    assert guess_languages(files.split()) == expected
    assert guess_languages(files.split()[::-1]) == expected[::-1]


@pytest.mark.parametrize(("file", "expected"), ONE_FILE)
def test_one_file_says_both(file: str, expected: tuple[str, str]) -> None:
    assert guess_languages([file]) == expected
    assert guess_languages([file], [0, 1]) == expected
    assert guess_languages([file], [3, 1]) == expected[::-1]
    assert guess_languages([file], ["source", "target"]) == expected


@pytest.mark.parametrize(("columns", "expected"), COLUMNS)
def test_columns_say_it_first(columns: tuple[str, str], expected: tuple[str, str]) -> None:
    assert guess_languages(["pairs.tsv"], columns) == expected
    assert guess_languages(["it-fi.tsv"], columns) == (
        ("it", "fi") if expected == NONE else expected
    )


@given(
    st.text() | st.lists(st.sampled_from(["de", "en", "_", "-", ".", "Latn", "BR"])).map("".join)
)
def test_any_name_gives_tags_or_nothing(name: str) -> None:
    for found in (guess_languages([name]), guess_languages([name, "train.fr"])):
        assert found == NONE or all(map(is_well_formed, found))


PAIRS = [("Go home.", "Geh heim."), ("Hi, you.", "Hallo, du."), ("I eat.", "Ich esse.")]


def write(path: Path, header: tuple[str, str] | None = None) -> Path:
    rows = [*([header] if header else []), *PAIRS]
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.filterwarnings("ignore::seq2seq.data.readers.headers.HeaderWarning")
def test_a_corpus_knows_its_languages(tmp_path: Path) -> None:
    english, german = tmp_path / "train.en", tmp_path / "train.de"
    for side, path in enumerate((english, german)):
        path.write_text("".join(pair[side] + "\n" for pair in PAIRS), encoding="utf-8")
    records = [{"translation": dict(zip(("en", "de"), pair, strict=True))} for pair in PAIRS]
    nested = tmp_path / "pairs.jsonl"
    nested.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    folder = tmp_path / "books-en-de"
    folder.mkdir()
    write(folder / "train.tsv")
    for corpus in (
        ParallelCorpus.read(english, german),
        ParallelCorpus.read(write(tmp_path / "pairs.tsv", ("en", "German"))),
        ParallelCorpus.read(write(tmp_path / "eng-deu.tsv")),
        ParallelCorpus.read(nested),
        ParallelCorpus.read(folder),
    ):
        assert corpus.about == AboutSettings("en", "de")
        parts = corpus.clean().split_by_source(validation=1, test=1, seed=1)
        for part in (*parts, corpus[:1], corpus.shuffled(1)):
            assert part.about == corpus.about
    swapped = ParallelCorpus.read(nested, source="de", target="en")
    assert swapped.about == AboutSettings("de", "en")
    swapped = ParallelCorpus.read(tmp_path / "eng-deu.tsv", source=1, target=0)
    assert swapped.about == AboutSettings("de", "en")


def test_what_is_given_counts_more(tmp_path: Path) -> None:
    given = AboutSettings("en-GB", licence="CC0-1.0")
    corpus = ParallelCorpus.read(write(tmp_path / "eng-deu.tsv"), about=given)
    assert corpus.about == AboutSettings("en-GB", "de", licence="CC0-1.0")


def test_a_dataset_on_the_hub_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    columns = {"de": [german for _, german in PAIRS], "en": [english for english, _ in PAIRS]}
    dataset = datasets.Dataset.from_dict(columns)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: dataset)
    corpus = ParallelCorpus.read("user/books", source="de", target="en")
    assert corpus.about == AboutSettings("de", "en", data="user/books")
