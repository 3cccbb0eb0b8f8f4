"""Running text: from every kind of file, and reduced to letters."""

import gzip
import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.monolingual import letters_only, read_monolingual
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.headers import HeaderWarning
from seq2seq.errors import DataError, SettingsError

LINES = ["The Time Machine,", "", "by H. G. Wells [1898]"]


def write(path: Path, content: str) -> Path:
    data = content.encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


# ---------------------------------------------------------------------------------------------
# reading


@pytest.mark.parametrize("name", ["book.txt", "book.txt.gz", "wiki.train.tokens", "train.en", "x"])
def test_a_text_file_of_any_name_is_its_lines(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "".join(f"{line}\r\n" for line in LINES))
    assert read_monolingual(path) == read_monolingual(str(path)) == LINES
    write(tmp_path / name, "a\tb\u2028c\nd")
    assert read_monolingual(path) == ["a\tb\u2028c", "d"]


@pytest.mark.parametrize(("ending", "mark"), [(".tsv", "\t"), (".csv", ","), (".TSV.gz", "\t")])
def test_a_column_of_a_table(tmp_path: Path, ending: str, mark: str) -> None:
    rows = [["id", "text", "note"], ["one", "Go.", "x"], ["two", "Hi.", "y"]]
    path = write(tmp_path / f"a{ending}", "".join(mark.join(row) + "\n" for row in rows))
    assert read_monolingual(path) == ["Go.", "Hi."]
    assert read_monolingual(path, column="note") == ["x", "y"]
    with pytest.warns(HeaderWarning, match=":1: 'id', 'text', 'note' is taken for a header"):
        assert read_monolingual(path, column=0) == ["one", "two"]
    write(path, "only one\ncolumn\n")
    assert read_monolingual(path) == ["only one", "column"]
    write(path, f"1{mark}Go.\n")
    with pytest.raises(DataError, match=r":1: the text column must be named .* are 2: '1', 'Go\.'"):
        read_monolingual(path)
    assert read_monolingual(path, column=1) == ["Go."]
    with pytest.raises(DataError, match=r":1: there is no column 'test'; there are '1', 'Go\.'"):
        read_monolingual(path, column="test")


def test_quoted_cells_of_csv_are_one_line_each(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'text\n"Go, ""now""\nplease."\n')
    assert read_monolingual(path) == ['Go, "now"\nplease.']


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.jsonl.gz"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    def read(*records: object, column: str | None = None) -> list[str]:
        text = "\n".join(map(json.dumps, records))
        return read_monolingual(write(tmp_path / name, text), column=column)

    assert read({"id": 1, "body": "Go."}, {"body": "Hi.", "id": 2}) == ["Go.", "Hi."]
    both = {"text": "Go.", "title": "T"}
    assert read(both) == ["Go."]
    assert read(both, column="title") == ["T"]
    assert read({"translation": {"en": "Go.", "fr": "Va !"}}, column="fr") == ["Va !"]
    with pytest.raises(DataError, match=r":1: the text column must be named, .*, since 2 columns"):
        read({"a": "x", "b": "y"})
    with pytest.raises(DataError, match=r":2: column 'text' is not text, but None"):
        read(both, {"text": None})


def test_parquet_and_a_folder_in_shards(tmp_path: Path) -> None:
    import datasets

    datasets.disable_progress_bars()
    for shard, texts in enumerate((["a", ""], ["b"])):
        path = tmp_path / "data" / f"train-0000{shard}-of-00002.parquet"
        path.parent.mkdir(exist_ok=True)
        table = {"n": list(range(len(texts))), "text": texts, "url": ["u"] * len(texts)}
        datasets.Dataset.from_dict(table).to_parquet(str(path))
    assert read_monolingual(tmp_path) == ["a", "", "b"]
    assert read_monolingual(path, column="url") == ["u"]
    with pytest.raises(DataError, match="column 'n' is not text"):
        read_monolingual(path, column="n")


def test_a_folder_of_text_files(tmp_path: Path) -> None:
    for split in ("train", "valid", "test"):
        write(tmp_path / f"{split}.txt", f"{split} \n")
    write(tmp_path / "README.md", "# no text")
    assert read_monolingual(tmp_path) == ["train "]
    assert read_monolingual(tmp_path, split="valid") == ["valid "]
    assert read_monolingual(tmp_path, split="validation") == ["valid "]
    with pytest.raises(DataError, match=r"'extra'.* end in one of \.txt, .*: test\.txt, tr"):
        read_monolingual(tmp_path, split="extra")
    write(tmp_path / "train.tsv", "a\n")
    with pytest.raises(DataError, match=r"several things: train\.tsv, train\.txt"):
        read_monolingual(tmp_path)


def test_a_text_file_with_a_column_is_tab_separated(tmp_path: Path) -> None:
    path = write(tmp_path / "fra.txt", "Go.\tVa !\nHi.\n")
    with pytest.raises(DataError, match=r"fra\.txt:2: column 1 "):
        read_monolingual(path, column=1)
    assert read_monolingual(path, column=0) == ["Go.", "Hi."]
    # Pairs are read as before: columns 0 and 1, and further ones are notes.
    assert list(ParallelCorpus.read(write(path, "Go.\tVa !\tCC-BY\n"))) == [("Go.", "Va !")]


def test_a_name_on_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    def load_dataset(
        path: str, name: str | None, *, split: str, streaming: bool
    ) -> datasets.Dataset:
        assert not streaming
        return datasets.Dataset.from_dict({"text": [path, str(name), split]})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    found = read_monolingual("user/wiki:raw", split="test")
    assert found == ["user/wiki", "raw", "test"]


def test_what_can_not_be_read_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "book.txt", "")
    for text in ("", "\n \n\t\n"):
        with pytest.raises(DataError, match=r"book\.txt has no text; is it the right file\?"):
            read_monolingual(write(path, text))
    with pytest.raises(DataError, match=r"did you mean .*book\.txt\?"):
        read_monolingual(tmp_path / "bok.txt")
    with pytest.raises(SettingsError, match="column -1 is not possible"):
        read_monolingual(write(path, "a\n"), column=-1)
    path.write_bytes(b"ok\n\xff\n")
    with pytest.raises(DataError, match=r"book\.txt:2: not valid UTF-8"):
        read_monolingual(path)


def test_datasets_is_not_imported_for_text(tmp_path: Path) -> None:
    path = write(tmp_path / "book.txt", "a\n")
    program = (
        "import sys; from seq2seq.data.monolingual import read_monolingual\n"
        "read_monolingual(sys.argv[1])\n"
        "print([m for m in ('datasets', 'pyarrow', 'torch') if m in sys.modules])\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    assert subprocess.run(command, capture_output=True, check=True).stdout.strip() == b"[]"


# ---------------------------------------------------------------------------------------------
# letters


def test_the_time_machine_begins_as_in_the_textbook() -> None:
    """Dive into Deep Learning, section 9.2: "the time machine by h g wells"."""
    assert letters_only(LINES, lowercase=True) == ["the time machine by h g wells"]
    assert letters_only(LINES) == ["The Time Machine by H G Wells"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It isn't 3,000.50—is it?", "It isn t is it"),
        ("Où est-ce ? Ça va_bien.", "Où est ce Ça va bien"),
        ("e\u0301te\u0301", "été"),
        ("हिन्दी में (२०)", "हिन्दी में"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("我们 1 去，好。", "我们 去 好"),
        ("a 1\ufe0f\u20e3 b\u200d👩\u200d🚀c", "a b c"),
        ("x\u0301²", "x\u0301"),
        ("a\u2028b\tc\x0bd", "a b c d"),
    ],
)
def test_letters_of_any_script(text: str, expected: str) -> None:
    assert letters_only([text]) == [expected]


@given(st.lists(st.text(st.sampled_from("aBé\u0301 ߀1²_-'’ßİΣ我\u3000\u200d\ufe0f\n"))))
def test_only_letters_and_single_spaces_are_left(lines: list[str]) -> None:
    letters = [c for c in "".join(lines) if c.isalpha()]
    for lowercase in (False, True):
        if not letters:
            with pytest.raises(DataError, match="no letters"):
                letters_only(lines, lowercase=lowercase)
            continue
        (text,) = letters_only(lines, lowercase=lowercase)
        assert letters_only([text], lowercase=lowercase) == [text]
        assert unicodedata.is_normalized("NFC", text)
        assert text.split(" ") == text.split()
        assert all(word[0].isalpha() for word in text.split())
        assert not any(c.isdigit() or c in "_-'’\n" for c in text)
        if not lowercase:
            kept, there = (
                [c for c in unicodedata.normalize("NFD", each) if c.isalpha()]
                for each in (text, "".join(letters))
            )
            assert kept == there
