import gzip
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.pairs import Pair
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.headers import HeaderWarning
from seq2seq.data.readers.lines import iter_lines, read_lines
from seq2seq.errors import DataError, SettingsError

# What other programs take for the end of a line.
LINE = st.lists(
    st.one_of(st.text(max_size=5), st.sampled_from(["\u2028", "\x0b", "\f", "\r", "\x85", "\x1e"]))
).map(lambda parts: "".join(parts).replace("\n", ""))
PAIRS = [("Go.", "Va !"), ("Hi.", "Salut !")]


def corpus(*pairs: tuple[str, str], name: str = "") -> ParallelCorpus:
    return ParallelCorpus([s for s, _ in pairs], [t for _, t in pairs], name)


def write(path: Path, content: str | bytes) -> Path:
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


# ---------------------------------------------------------------------------------------------
# lines


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [""]),
        (b"a", ["a"]),
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\r\nb", ["a", "b"]),
        (b"a\n\n\nb", ["a", "", "", "b"]),
        (b"a\rb\n\rc\r\r\n", ["a\rb", "\rc\r"]),
        (b"a\nb\r", ["a", "b\r"]),
        ("a\u2028b\x0bc\x0cd\x85e\n".encode(), ["a\u2028b\x0bc\x0cd\x85e"]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", ["a", "\ufeffb"]),
        (b"\xef\xbb\xbf", []),
    ],
)
@pytest.mark.parametrize("suffix", [".txt", ".txt.gz"])
def test_lines_end_at_line_feeds_only(
    tmp_path: Path, data: bytes, lines: list[str], suffix: str
) -> None:
    path = write(tmp_path / f"file{suffix}", data)
    assert read_lines(path) == lines
    assert read_lines(str(path)) == lines
    with path.open("rb") as stream:
        assert read_lines(stream) == lines
    # A stream with nothing but a byte order mark has a line, which is empty.
    assert list(iter_lines(io.BytesIO(data), "pipe")) == (lines or ([""] if data else []))


@given(st.lists(LINE))
def test_lines_in_are_lines_out(lines: list[str]) -> None:
    lines = [line.rstrip("\r").removeprefix("\ufeff") for line in lines]
    for end in ("\n", "\r\n"):
        data = "".join(line + end for line in lines).encode()
        assert read_lines(io.BytesIO(data)) == lines
        assert list(iter_lines(io.BytesIO(data), "pipe")) == lines


def test_invalid_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "latin.txt", b"ok\n\nna\xefve\n")
    with pytest.raises(DataError, match=r"latin\.txt:3: not valid UTF-8: byte 0xef as byte 3 "):
        read_lines(path)
    with path.open("rb") as stream:
        lines = iter_lines(stream, "<stdin>")
        assert [next(lines), next(lines)] == ["ok", ""]
        with pytest.raises(DataError, match=r"<stdin>:3: not valid UTF-8: byte 0xef as byte 3 "):
            next(lines)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_character_cut_in_two_is_named(tmp_path: Path, end: bytes) -> None:
    path = write(tmp_path / "cut.txt", b"ok\n\xc3" + end)
    with pytest.raises(DataError, match=r"cut\.txt:2:"):
        read_lines(path)
    with pytest.raises(DataError, match=r"cut:2:"):
        list(iter_lines(io.BytesIO(path.read_bytes()), "cut"))


def test_a_missing_file_is_named_with_a_similar_one(tmp_path: Path) -> None:
    write(tmp_path / "train.de.gz", "a\n")
    with pytest.raises(DataError, match=r"train\.de; did you mean .*train\.de\.gz\?"):
        read_lines(tmp_path / "train.de")
    with pytest.raises(DataError, match="folder does not exist"):
        read_lines(tmp_path / "nowhere" / "train.de")
    with pytest.raises(DataError, match="can't read"):
        read_lines(tmp_path)


def test_damaged_gzip_is_named(tmp_path: Path) -> None:
    whole = gzip.compress(os.urandom(2000).hex().encode())
    broken = whole[:900] + bytes(30) + whole[930:]
    for name, data in {"cut.gz": whole[:900], "broken.gz": broken, "empty.gz": b""}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=name):
            read_lines(tmp_path / name)
    (tmp_path / "plain.gz").write_bytes(b"no gzip\n")
    with pytest.raises(DataError, match=r"plain\.gz is not gzip"):
        read_lines(tmp_path / "plain.gz")


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n"))
    assert read_lines(path) == ["a", "b"]


def test_lines_of_a_pipe_come_as_they_are_written() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream, os.fdopen(writing, "wb", buffering=0) as sink:
        lines = iter_lines(stream, "pipe")
        for text in ("one", "two"):
            sink.write(f"{text}\n".encode())
            assert next(lines) == text  # would wait for ever if it wanted more
        sink.write(b"three")
        sink.close()
        assert list(lines) == ["three"]


# ---------------------------------------------------------------------------------------------
# two files


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_two_files_are_read_in_line(tmp_path: Path, suffix: str) -> None:
    source = write(tmp_path / f"a.en{suffix}", "a\u2028b\n\nc\n")
    target = write(tmp_path / f"a.fr{suffix}", "A\nB\n\n")
    found = ParallelCorpus.read(source, target)
    assert list(found) == [("a\u2028b", "A"), ("", "B"), ("c", "")]
    assert found.name == f"a.en{suffix} + a.fr{suffix}"


def test_different_line_counts_are_told(tmp_path: Path) -> None:
    source, target = write(tmp_path / "a.en", "a\nb\n"), write(tmp_path / "a.fr", "A\nB\nC\n")
    with pytest.raises(DataError, match=r"a\.en has 2 lines, but .*a\.fr has 3"):
        ParallelCorpus.read(source, target)
    with pytest.raises(DataError, match="2 sources but 1 target;"):
        ParallelCorpus(["a", "b"], ["A"])


def test_two_files_have_no_columns(tmp_path: Path) -> None:
    path = write(tmp_path / "a.en", "a\n")
    with pytest.raises(SettingsError, match="two files"):
        ParallelCorpus.read(path, path, source=0, target=1)


def test_no_pairs_is_an_error(tmp_path: Path) -> None:
    for name in ("a.tsv", "a.csv", "a.jsonl", "a.tsv.gz"):
        path = write(tmp_path / name, "")
        with pytest.raises(DataError, match="no sentence pairs"):
            ParallelCorpus.read(path)
    with pytest.raises(DataError, match="no sentence pairs"):
        ParallelCorpus.read(tmp_path / "a.csv", tmp_path / "a.csv")


# ---------------------------------------------------------------------------------------------
# tables


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_tsv_has_no_quoting_and_further_columns_are_left(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"a.tsv{suffix}", '"a\u2028\tb"\tCC-BY\n""\t\'\n')
    assert list(ParallelCorpus.read(path)) == [('"a\u2028', 'b"'), ('""', "'")]
    assert ParallelCorpus.read(path, source=1, target=0)[0] == ('b"', '"a\u2028')


def test_tsv_and_csv_with_a_header(tmp_path: Path) -> None:
    for name, mark in (("a.tsv", "\t"), ("a.csv", ",")):
        rows = [["id", "fr", "en"], ["1", "Va !", "Go."], ["2", "Salut !", "Hi."]]
        path = write(tmp_path / name, "".join(mark.join(row) + "\r\n" for row in rows))
        assert list(ParallelCorpus.read(path, source="en", target="fr")) == PAIRS
        assert list(ParallelCorpus.read(path, source=2, target="fr")) == PAIRS
        with pytest.warns(HeaderWarning, match=r":1: 'id', 'fr', 'en' is taken for a header"):
            assert list(ParallelCorpus.read(path, source=2, target=1)) == PAIRS
        with pytest.raises(DataError, match=rf"{name}:1: .*'english'; there are 'id', 'fr', 'en'"):
            ParallelCorpus.read(path, source="english", target="fr")


def test_a_header_with_source_and_target_needs_no_names(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "target,source\nVa !,Go.\nSalut !,Hi.\n")
    assert list(ParallelCorpus.read(path)) == PAIRS


@pytest.mark.parametrize(("name", "mark"), [("a.tsv", "\t"), ("a.csv", ",")])
@pytest.mark.parametrize("header", [("source", "target"), ("tgt", "src"), ("output", "Input")])
def test_numbers_that_contradict_a_header_are_refused(
    tmp_path: Path, name: str, mark: str, header: tuple[str, str]
) -> None:
    is_source_first = header[0] == "source"
    rows = PAIRS if is_source_first else [pair[::-1] for pair in PAIRS]
    path = write(tmp_path / name, "".join(mark.join(row) + "\n" for row in (header, *rows)))
    right = (0, 1) if is_source_first else (1, 0)
    with pytest.warns(HeaderWarning):
        assert list(ParallelCorpus.read(path, source=right[0], target=right[1])) == PAIRS
    source, target = (header[place] for place in right)
    with pytest.raises(DataError) as refused:
        ParallelCorpus.read(path, source=right[1], target=right[0])
    for words in (
        f"{name}:1: column {right[1]} is given as the source, and the header, {header[0]!r}",
        f"calls it the target: give names, as with --data.source {source} --data.target {target}",
        f'in the table of a mix, source = "{source}", target = "{target}"',
    ):
        assert words in str(refused.value)
    exchanged = [pair[::-1] for pair in PAIRS]
    assert list(ParallelCorpus.read(path, source=target, target=source)) == exchanged


def test_a_short_tsv_line_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\nc\n")
    with pytest.raises(DataError, match=r"a\.tsv:2: column 1 "):
        ParallelCorpus.read(path)
    with pytest.raises(DataError, match=r"a\.tsv:1: column 5 "):
        ParallelCorpus.read(path, source=0, target=5)


@pytest.mark.parametrize(
    ("source", "target"), [("en", None), (None, 1), (-1, 0)], ids=["no target", "no source", "-1"]
)
def test_impossible_columns(
    tmp_path: Path, source: str | int | None, target: str | int | None
) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\n")
    with pytest.raises(SettingsError):
        ParallelCorpus.read(path, source=source, target=target)


def test_csv_has_quoting(tmp_path: Path) -> None:
    text = '"a ""b"", c","d\ne"\r\n\r\nf\u2028g,"h\rü"\nlast,one'
    expected = [('a "b", c', "d\ne"), ("f\u2028g", "h\rü"), ("last", "one")]
    for name in ("a.csv", "a.csv.gz", "A.CSV"):
        assert list(ParallelCorpus.read(write(tmp_path / name, text))) == expected


def test_csv_errors_have_the_line_that_the_record_begins_on(tmp_path: Path) -> None:
    for rest in ("short\n", '"open,x\n', '"a"b,c\n', "lone\rreturn,b\n"):
        path = write(tmp_path / "a.csv", '"two\nlines",b\n' + rest)
        with pytest.raises(DataError, match=r"a\.csv:3: "):
            ParallelCorpus.read(path)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.jsonl.gz"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    def read(*records: object, **columns: str) -> list[Pair]:
        text = "\n".join(json.dumps(r, ensure_ascii=False) for r in records) + "\n\n"
        return list(ParallelCorpus.read(write(tmp_path / name, text), **columns))

    plain = [{"id": 1, "en": "Go.\u2028", "fr": "Va !"}, {"en": "Hi.", "fr": "Salut !", "id": 2}]
    expected = [("Go.\u2028", "Va !"), ("Hi.", "Salut !")]
    nested = [{"id": "1", "translation": {"en": r["en"], "fr": r["fr"]}} for r in plain]
    named = [{"note": "x", "target": r["fr"], "source": r["en"]} for r in plain]
    assert read(*plain) == expected
    assert read(*plain, source="en", target="fr") == expected
    assert read(*nested, source="en", target="fr") == expected
    assert read(*({"translation": r["translation"]} for r in nested)) == expected
    assert read(*named) == expected


def test_a_json_list(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps([{"s": "Go.", "t": "Va !"}], indent=1))
    assert list(ParallelCorpus.read(path)) == PAIRS[:1]
    path = write(tmp_path / "a.json", '[{"s": "Go.", "t": "Va !"}, 3]')
    with pytest.raises(DataError, match=r"a\.json, record 2: not an object"):
        ParallelCorpus.read(path)
    with pytest.raises(DataError, match=r"a\.json: not valid JSON"):
        ParallelCorpus.read(write(tmp_path / "a.json", "[{"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "not an object with keys"),
        ('{"en": "b"}', "there is no column 'fr'; there are 'en'"),
        ('{"en": "b", "fr": null}', "column 'fr' is not text, but None"),
        ('{"en": 5, "fr": "x"}', "column 'en' is not text, but 5"),
    ],
)
def test_json_errors_have_the_line(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "a.jsonl", '\n{"en": "a", "fr": "A"}\n' + line + "\n")
    with pytest.raises(DataError, match=rf"a\.jsonl:3: {message}"):
        ParallelCorpus.read(path)


def test_columns_that_are_not_clear_must_be_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"a": "1", "b": "2", "c": "3"}\n')
    with pytest.raises(DataError, match=r"must be named, .*, since 3 .*'a', 'b', 'c'"):
        ParallelCorpus.read(path)
    with pytest.raises(SettingsError, match="column 0 must be given by its name"):
        ParallelCorpus.read(path, source=0, target=1)


@pytest.mark.parametrize("name", ["a", "a.doc", "a.tsv.zip", "a.gz"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"must end in \.tsv, \.csv"):
        ParallelCorpus.read(write(tmp_path / name, "a\tb\n"))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    write(tmp_path / "pairs.tsv", "a\tb\n")
    with pytest.raises(DataError, match=r"did you mean .*pairs\.tsv"):
        ParallelCorpus.read(tmp_path / "pair.tsv")


# ---------------------------------------------------------------------------------------------
# Parquet, folders, the Hub


def write_parquet(path: Path, columns: dict[str, list[object]]) -> Path:
    import datasets

    path.parent.mkdir(parents=True, exist_ok=True)
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict(columns).to_parquet(str(path))
    return path


COLUMNS: dict[str, list[object]] = {
    "id": [1, 2],
    "en": ["Go.", "Hi."],
    "fr": ["Va !", "Salut !"],
}
NESTED: dict[str, list[object]] = {
    "id": ["1", "2"],
    "translation": [{"fr": target, "en": source} for source, target in PAIRS],
}


def test_parquet(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", COLUMNS)
    assert list(ParallelCorpus.read(path)) == PAIRS
    assert list(ParallelCorpus.read(path, source="en", target="fr")) == PAIRS
    zipped = write(tmp_path / "b.parquet.gz", path.read_bytes())
    assert list(ParallelCorpus.read(zipped)) == PAIRS
    with pytest.raises(DataError, match="no column 'de'; there are 'id', 'en', 'fr'"):
        ParallelCorpus.read(path, source="en", target="de")
    with pytest.raises(DataError, match="column 'id' is not text, but 1"):
        ParallelCorpus.read(path, source="id", target="fr")


def test_parquet_with_translations(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", NESTED)
    assert list(ParallelCorpus.read(path, source="en", target="fr")) == PAIRS
    with pytest.raises(DataError, match="no column 'de'; there are 'id', 'translation', "):
        ParallelCorpus.read(path, source="en", target="de")


def test_damaged_parquet_is_named(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", COLUMNS)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"can't read .*a\.parquet as Parquet"):
        ParallelCorpus.read(path)


def test_parquet_whose_names_are_no_text_is_named(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "a.parquet", {"source_text": ["a"], "target_text": ["b"]})
    data = bytearray(path.read_bytes())
    data[data.index(b"source_text")] = 0xFF
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.parquet"):
        ParallelCorpus.read(path)


def test_parquet_written_anew_is_not_read_from_an_old_copy(tmp_path: Path) -> None:
    for text in ("one", "two"):
        path = write_parquet(tmp_path / "a.parquet", {"s": [text], "t": [text]})
        assert ParallelCorpus.read(path)[0] == (text, text)


def test_a_folder_in_shards(tmp_path: Path) -> None:
    write(tmp_path / "README.md", "# A corpus")
    for shard in (1, 0):
        columns = {key: values[shard : shard + 1] for key, values in COLUMNS.items()}
        write_parquet(tmp_path / "data" / f"train-0000{shard}-of-00002.parquet", columns)
    write_parquet(tmp_path / "data" / "test-00000-of-00001.parquet", NESTED)
    found = ParallelCorpus.read(tmp_path, source="en", target="fr")
    assert list(found) == PAIRS
    assert found.name == tmp_path.name
    assert len(ParallelCorpus.read(tmp_path, source="en", target="fr", split="test")) == 2


def test_a_folder_of_text_tables(tmp_path: Path) -> None:
    write(tmp_path / "train.jsonl", '{"a": "x", "b": "y"}\n')
    write(tmp_path / "training.tsv", "no\tno\n")
    write(tmp_path / ".cache" / "train.tsv", "no\tno\n")
    write(tmp_path / "test.csv.gz", "p,q\n")
    assert list(ParallelCorpus.read(tmp_path)) == [("x", "y")]
    assert list(ParallelCorpus.read(tmp_path, split="test")) == [("p", "q")]
    with pytest.raises(DataError, match=r"'validation'.*test\.csv\.gz, train\.jsonl"):
        ParallelCorpus.read(tmp_path, split="validation")
    write(tmp_path / "train.tsv", "a\tb\n")
    with pytest.raises(DataError, match=r"several things: train\.jsonl, train\.tsv"):
        ParallelCorpus.read(tmp_path)


def test_a_name_on_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    asked = []

    def load_dataset(
        path: str, name: str | None, *, split: str, streaming: bool
    ) -> datasets.Dataset:
        assert not streaming
        asked.append((path, name, split))
        if path == "user/none":
            raise FileNotFoundError("no such dataset")
        return datasets.Dataset.from_dict(NESTED)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    found = ParallelCorpus.read("user/books:en-fr", source="en", target="fr", split="test")
    assert list(found) == PAIRS
    ParallelCorpus.read("user/books", source="en", target="fr")
    assert asked == [("user/books", "en-fr", "test"), ("user/books", None, "train")]
    with pytest.raises(DataError, match=r"no file or folder user/none.*no such dataset"):
        ParallelCorpus.read("user/none")
    (tmp_path / "user").mkdir()
    with pytest.raises(DataError, match="there is no file user/books"):
        ParallelCorpus.read("user/books")


def test_datasets_is_not_imported_for_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\tb\n")
    program = (
        "import sys; from seq2seq.data.parallel import ParallelCorpus\n"
        "ParallelCorpus.read(sys.argv[1])\n"
        "print([m for m in ('datasets', 'pyarrow', 'torch') if m in sys.modules])\n"
    )
    command = [sys.executable, "-c", program, str(path)]
    assert subprocess.run(command, capture_output=True, check=True).stdout.strip() == b"[]"


# ---------------------------------------------------------------------------------------------
# what a corpus does


def test_a_corpus_is_a_sequence_of_pairs() -> None:
    found = corpus(*PAIRS, ("a", "b"), name="x")
    assert len(found) == 3
    assert found[0] == Pair("Go.", "Va !") == next(iter(found))
    assert found[-1].target == "b"
    assert found[:2] == corpus(*PAIRS, name="x")
    assert list(found[1:]) == [PAIRS[1], ("a", "b")]
    assert repr(found) == "ParallelCorpus('x', 3 pairs)"
    with pytest.raises(IndexError):
        found[3]


def test_cleaning_drops_pairs_and_counts_them() -> None:
    found = corpus(
        ("a b", "c"), ("", "x"), ("x", " \u3000"), ("", ""), ("a b c", "x"), ("x", "1 2 3 4"),
        ("z", "1 2 3"), name="train.tsv",
    )  # fmt: skip
    clean = found.clean(max_source_length=2, max_target_length=3)
    assert list(clean) == [("a b", "c"), ("z", "1 2 3")]
    report = clean.report
    assert (report.read, report.kept) == (7, 2)
    assert report.dropped == {"for an empty side": 3, "over 2 or 3 tokens": 2}
    assert str(report) == (
        "train.tsv: 7 pairs read, 3 dropped for an empty side, 2 over 2 or 3 tokens, 2 kept"
    )
    assert str(found.report) == "train.tsv: 7 pairs"
    assert str(corpus(("a", "b c"), ("a", "b")).clean(1, 1).report) == (
        "2 pairs read, 1 dropped over 1 tokens, 1 kept"
    )
    assert str(found.clean().report).endswith("7 pairs read, 3 dropped for an empty side, 4 kept")
    again = found.clean().clean(max_target_length=3)
    assert again.report.dropped == {"for an empty side": 3, "over 3 tokens": 1}


def test_cleaning_measures_with_the_length_it_is_given() -> None:
    found = corpus(("abc", "abcd"), ("ab", "a"))
    assert list(found.clean(max_source_length=2, length=len)) == [("ab", "a")]
    assert list(found.clean(max_target_length=4, length=len)) == list(found)


def test_cleaning_away_everything_is_an_error() -> None:
    with pytest.raises(DataError, match="no pair is left: x: 1 pair read, 1 dropped for an"):
        corpus(("", "b"), name="x").clean()
    with pytest.raises(SettingsError, match="0 is not possible"):
        corpus(("a", "b")).clean(max_source_length=0)


def test_large_numbers_are_readable() -> None:
    found = ParallelCorpus(["a"] * 29_000, ["b"] * 29_000, "train.tsv")
    assert str(found.report) == "train.tsv: 29,000 pairs"


SENTENCE = st.sampled_from(["a", "b", "c d", " c  d ", "é", "e\u0301", "f", "g"])


@given(
    pairs=st.lists(st.tuples(SENTENCE, st.text(max_size=2))),
    validation=st.integers(0, 3),
    test=st.integers(0, 3),
    seed=st.integers(0, 9),
)
def test_a_split_shares_no_source(
    pairs: list[tuple[str, str]], validation: int, test: int, seed: int
) -> None:
    found = corpus(*pairs)
    different = len(found.references()[0])
    if validation + test >= different:
        with pytest.raises(DataError, match=f"has {different} different source"):
            found.split_by_source(validation=validation, test=test, seed=seed)
        return
    parts = found.split_by_source(validation=validation, test=test, seed=seed)
    assert sorted(pair for part in parts for pair in part) == sorted(found)
    assert [len(part.references()[0]) for part in parts[1:]] == [validation, test]
    for one in parts:
        for other in parts:
            assert one is other or one.overlap(other).sources == 0
    assert parts == found.split_by_source(validation=validation, test=test, seed=seed)


def test_a_split_depends_on_the_seed_and_has_names() -> None:
    found = corpus(*((str(n), "x") for n in range(100)), name="all.tsv")
    parts = found.split_by_source(validation=10, test=10, seed=1)
    assert parts != found.split_by_source(validation=10, test=10, seed=2)
    assert parts[0].sources != sorted(parts[0].sources, key=int)
    assert [part.name for part in parts] == [
        "all.tsv, training",
        "all.tsv, validation",
        "all.tsv, test",
    ]
    assert str(parts[2].report) == "all.tsv, test: 10 pairs"
    with pytest.raises(SettingsError, match="negative"):
        found.split_by_source(validation=-1, test=1, seed=1)


def test_references_are_gathered_by_source() -> None:
    found = corpus(("b", "1"), ("a", "2"), ("b ", "3"), ("b", "1"))
    assert found.references() == (["b", "a"], [["1", "3", "1"], ["2"]])
    assert corpus().references() == ([], [])


def test_overlap_counts_what_another_corpus_shares() -> None:
    train = corpus(("a", "1"), ("b", "2"), ("é", "3"), name="train")
    test = corpus(("a", "1"), ("a ", "9"), ("c", "2"), ("e\u0301", "8"), ("z", "z"), name="test")
    overlap = train.overlap(test)
    assert (overlap.sources, overlap.targets, overlap.pairs, overlap.total) == (3, 2, 1, 5)
    assert str(overlap) == (
        '"test" (5 pairs) has 3 sources, 2 targets and 1 pair in common with "train"'
    )
    new = train.overlap(corpus(("x", "y"), name="new"))
    assert str(new) == '"new" has no source or target in common with "train"'
    assert str(corpus().overlap(corpus())).startswith('"the other corpus" has no source')


def test_shuffling_keeps_pairs_together() -> None:
    found = corpus(*((str(n), f"t{n}") for n in range(50)))
    shuffled = found.shuffled(3)
    assert shuffled == found.shuffled(3) != found.shuffled(4)
    assert shuffled != found
    assert all(pair.target == f"t{pair.source}" for pair in shuffled)
    assert sorted(shuffled) == sorted(found)


def test_one_text_file_for_both_sides_is_tab_separated(tmp_path: Path) -> None:
    corpus = ParallelCorpus.read(write(tmp_path / "fra.txt", b"Go.\tVa !\nHi.\tSalut !\n"))
    assert list(corpus) == [("Go.", "Va !"), ("Hi.", "Salut !")]
    with pytest.raises(DataError, match=r"fra\.en\.txt:1"):
        ParallelCorpus.read(write(tmp_path / "fra.en.txt", b"Go.\n"))
