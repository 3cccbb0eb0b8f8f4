"""The right columns of a table: by their names, and never a number instead of a sentence."""

import csv
import io
import json
import threading
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.monolingual import read_monolingual
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.contents import ColumnWarning
from seq2seq.data.readers.headers import HeaderWarning
from seq2seq.data.readers.names import column_language, find_role
from seq2seq.errors import DataError

PAIRS = [("Go home.", "Rentre."), ("Hi, you.", "Salut !"), ("I eat.", "Je mange.")]
Rows = Sequence[Sequence[str]]


def tsv(rows: Rows) -> bytes:
    return "".join("\t".join(row) + "\n" for row in rows).encode()


def quoted(rows: Rows) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


def records(rows: Rows) -> list[dict[str, str]]:
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def json_lines(rows: Rows) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records(rows)).encode()


def json_list(rows: Rows) -> bytes:
    return json.dumps(records(rows)).encode()


def nested(rows: Rows) -> bytes:
    return "\n".join(json.dumps({"translation": record}) for record in records(rows)).encode()


def parquet_bytes(columns: dict[str, object]) -> bytes:
    import pyarrow
    from pyarrow import parquet

    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(columns), sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def parquet(rows: Rows) -> bytes:
    return parquet_bytes({name: [row[n] for row in rows[1:]] for n, name in enumerate(rows[0])})


def nested_parquet(rows: Rows) -> bytes:
    return parquet_bytes({"translation": records(rows)})


CELLS: dict[str, Callable[[Rows], bytes]] = {"a.tsv": tsv, "a.txt": tsv, "a.csv": quoted}
RECORDS: dict[str, Callable[[Rows], bytes]] = {
    "a.jsonl": json_lines,
    "a.json": json_list,
    "nested.jsonl": nested,
    "a.parquet": parquet,
    "nested.parquet": nested_parquet,
}
FORMATS = CELLS | RECORDS


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


# ---------------------------------------------------------------------------------------------
# directions


ROLES = [
    *[("source", "target"), ("src", "tgt"), ("SRC", "TRG"), ("source_text", "target_text")],
    *[("src_text", "tgt_text"), ("Source Text", "Target Text"), ("sourceText", "targetText")],
    *[("source_sentence", "target_sentence"), ("sentence_src", "sentence_tgt")],
    *[("src-sent", "trg-sent"), ("input", "output"), ("input_text", "target_text")],
    *[
        ("original", "translation"),
        ("source", "translation"),
        ("src", "ref"),
        ("prompt", "response"),
    ],
    *[
        ("question", "answer"),
        ("Instruction", "output"),
        ("src", "pe"),
        ("sentence1", "sentence2"),
        ("text_a", "text_b"),
    ],
]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("roles", ROLES, ids=" ".join)
def test_the_roles_have_the_same_names_in_every_format(
    tmp_path: Path, name: str, roles: tuple[str, str]
) -> None:
    """In either order, with other columns beside them or not."""
    rows = [(*roles, "note"), *((*pair, f"note {n}") for n, pair in enumerate(PAIRS))]
    for order in ((0, 1), (1, 0), (1, 0, 2), (2, 1, 0)):
        path = write(tmp_path / name, FORMATS[name]([[row[n] for n in order] for row in rows]))
        assert list(ParallelCorpus.read(path)) == PAIRS


def test_datasets_have_the_same_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets

    columns = {"tgt": [t for _, t in PAIRS], "src": [s for s, _ in PAIRS]}
    dataset = datasets.Dataset.from_dict(columns)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: dataset)
    assert list(ParallelCorpus.read("user/books")) == PAIRS


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("names", [("text", "target"), ("src", "fr"), ("sentence", "translation")])
def test_one_of_two_columns_may_say_the_role(
    tmp_path: Path, name: str, names: tuple[str, str]
) -> None:
    for order in (1, -1):
        rows = [row[::order] for row in (names, *PAIRS)]
        assert list(ParallelCorpus.read(write(tmp_path / name, FORMATS[name](rows)))) == PAIRS


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("names", [("en", "fr"), ("s", "t"), ("src", "source"), ("English", "x")])
def test_without_roles_the_first_is_the_source(
    tmp_path: Path, name: str, names: tuple[str, str]
) -> None:
    found = ParallelCorpus.read(write(tmp_path / name, FORMATS[name]([names, *PAIRS])))
    assert list(found) == PAIRS


def test_two_columns_with_the_same_role_are_told(tmp_path: Path) -> None:
    rows = [["src", "input", "output"], *([s, s, t] for s, t in PAIRS)]
    for name, make in FORMATS.items():
        with pytest.raises(DataError, match="both 'src' and 'input' may be the source column"):
            ParallelCorpus.read(write(tmp_path / name, make(rows)))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(
    "header",
    [("English", "French"), ("en-US", "fr-FR"), ("eng", "fra"), ("eng_Latn", "zho_Hans"),
     ("sentence_en", "sentence_fr"), ("en_text", "fr_text"), ("pt_BR", "zh-Hant-TW"),
     ("ENGLISH", "german"), ("Chinese (Simplified)", "English"), ("source", "French"),
     ("text", "translation")],
    ids=" ".join,
)  # fmt: skip
def test_languages_are_a_header_in_many_spellings(
    tmp_path: Path, name: str, header: tuple[str, str]
) -> None:
    path = write(tmp_path / name, FORMATS[name]([header, *PAIRS]))
    with pytest.warns(HeaderWarning, match="is taken for a header"):
        assert list(ParallelCorpus.read(path)) == PAIRS
    if header[0] in ("source", "text"):
        path = write(tmp_path / name, FORMATS[name]([row[::-1] for row in (header, *PAIRS)]))
        with pytest.warns(HeaderWarning):
            assert list(ParallelCorpus.read(path)) == PAIRS


@pytest.mark.parametrize(
    "text", ["to be", "Go.", "Text.", "English food", "no way", "In.", "a-b", "speak English"]
)
def test_sentences_are_neither_languages_nor_roles(text: str) -> None:
    assert not column_language(text)
    assert not find_role(text) or text == "Text."
    assert text != "Text." or find_role(text) == ""


# ---------------------------------------------------------------------------------------------
# columns that are no text

NO_TEXT = {
    "a number": ["0", "1", "2"],
    "a score": ["0.98", "1e-05", "-12,5"],
    "an id": ["s1", "train-00002", "#3"],
    "a UUID": ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"] * 3,
    "a URL": ["https://example.org/a", "http://example.org", "www.example.org/b"],
    "a date": ["2026-11-26", "2026-11-26T10:00:00Z", "26.11.2026"],
    "a date in words": ["26 November 2026", "Nov 27, 2026", "Sat, 28 Nov 2026"],
    "a time": ["2026-11-26 10:00:00", "10:01", "10:02"],
    "percent": ["98 %", "7 %", "1 000"],
    "a language": ["en", "en", "en"],
    "languages": ["eng", "en-US", "eng"],
    "nothing": ["", " ", ""],
    "null": ["NaN", "", "null"],
    "numbers or nothing": ["", "3", ""],
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", NO_TEXT)
@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("header", ["none", "unknown", "empty"])
def test_what_is_no_text_is_refused_where_another_may_be_meant(
    tmp_path: Path, name: str, kind: str, place: int, header: str
) -> None:
    """As pandas' index with its empty header, Tatoeba's ids and a mined corpus's scores are."""
    rows = [list(pair) for pair in PAIRS]
    for row, cell in zip(rows, NO_TEXT[kind], strict=True):
        row.insert(place, cell)
    first = ["phrase", "sens"]
    first.insert(place, "" if header == "empty" else "x")
    if header != "none" or name in RECORDS:
        rows.insert(0, first)
    path = write(tmp_path / name, FORMATS[name](rows))
    with pytest.raises(DataError, match="the source and target columns must be named"):
        ParallelCorpus.read(path)
    others = [number for number in range(3) if number != place]
    if name in CELLS:
        found = list(ParallelCorpus.read(path, source=others[0], target=others[1]))
    else:
        found = list(ParallelCorpus.read(path, source=first[others[0]], target=first[others[1]]))
    assert found[-3:] == PAIRS


def test_the_message_names_the_column_and_what_is_in_it(tmp_path: Path) -> None:
    """Tatoeba's sentence pairs."""
    rows = [[f"{n}", s, f"{n}7", t] for n, (s, t) in enumerate(PAIRS, 1276)]
    expected = (
        r"a\.tsv: column 0, the source, has a number on every line \(as '1277', '1278'\): the "
        r"source and target columns must be named or numbered \(from 0\), as with "
        r"--data\.source 1 --data\.target 3; the columns are '1276', "
    )
    with pytest.raises(DataError, match=expected):
        ParallelCorpus.read(write(tmp_path / "a.tsv", tsv(rows)))
    assert list(ParallelCorpus.read(tmp_path / "a.tsv", source=1, target=3)) == PAIRS


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("kind", NO_TEXT)
def test_a_named_column_that_is_no_text_is_warned_of(tmp_path: Path, name: str, kind: str) -> None:
    cells = NO_TEXT[kind]
    rows = [["x", "en", "fr"], *([c, *pair] for c, pair in zip(cells, PAIRS, strict=True))]
    path = write(tmp_path / name, FORMATS[name](rows))
    with pytest.warns(ColumnWarning, match=rf"{name}: column .*'x'.*, the source, has .* on every"):
        assert ParallelCorpus.read(path, source="x", target="fr").sources == cells
    if name in CELLS:
        with pytest.warns(ColumnWarning, match="column 0, the source, has"):
            ParallelCorpus.read(path, source=0, target=2)
    if any(cell.strip() for cell in cells):
        with pytest.warns(ColumnWarning, match="the text, has"):
            assert read_monolingual(path, column="x") == cells
    rows = [["src", "tgt"], *zip(cells, [s for s, _ in PAIRS], strict=True)]
    with pytest.warns(ColumnWarning, match="the (source|target), has"):
        ParallelCorpus.read(write(tmp_path / name, FORMATS[name](rows)))


@pytest.mark.parametrize("name", FORMATS)
def test_two_columns_without_a_choice_are_warned_of(tmp_path: Path, name: str) -> None:
    """Numbers may be translated into words, as a toy."""
    rows = [["x", "y"], ["1", "one"], ["2", "two"], ["3", "three"]]
    with pytest.warns(ColumnWarning, match="the source, has a number on every line"):
        found = ParallelCorpus.read(write(tmp_path / name, FORMATS[name](rows)))
    assert found.targets[-1] == "three"


def test_the_only_text_of_records_may_be_no_sentence(tmp_path: Path) -> None:
    lines = [json.dumps({"n": n, "url": f"https://example.org/{n}"}) for n in range(3)]
    with pytest.raises(DataError, match="column 'url', the text, has a URL on every line"):
        read_monolingual(write(tmp_path / "a.jsonl", "\n".join(lines).encode()))


@pytest.mark.parametrize("name", FORMATS)
def test_a_column_that_is_always_the_same_is_no_sentence(tmp_path: Path, name: str) -> None:
    rows = [["lang", "a", "b"], *(["tatoeba", f"I eat {n}.", f"Je mange {n}."] for n in range(6))]
    with pytest.raises(DataError, match="must be named"):
        ParallelCorpus.read(write(tmp_path / name, FORMATS[name](rows)))


@pytest.mark.parametrize("name", CELLS)
def test_some_lines_may_be_numbers(tmp_path: Path, name: str) -> None:
    rows = [["1984", "1984", "CC-BY"], ["Go.", "Va !", "CC-BY"], ["", "", "CC-BY"], ["3", "3", "x"]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ParallelCorpus.read(write(tmp_path / name, FORMATS[name](rows)))
    assert list(found) == [tuple(row[:2]) for row in rows]


@given(st.lists(st.tuples(st.text(), st.text()), max_size=4))
def test_a_table_with_a_sentence_is_never_refused(
    tmp_path_factory: pytest.TempPathFactory, more: list[tuple[str, str]]
) -> None:
    rows = [("two words", "deux mots"), *more, ("no digit", "sans chiffre")]
    path = tmp_path_factory.getbasetemp() / "sentences.jsonl"
    lines = (json.dumps({"a": a, "b": b, "n": n}) for n, (a, b) in enumerate(rows))
    path.write_text("\n".join(lines), encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(ParallelCorpus.read(path)) == rows


# ---------------------------------------------------------------------------------------------
# separators


@pytest.mark.parametrize(
    ("name", "line", "expected"),
    [
        (
            "a.txt",
            "Go.,Va !",
            "there must be a tab, and there is none; if the ',' .*name the file .cs",
        ),
        ("a.txt", "Go.;Va !", "there must be a tab, .* if the ';' in it .*name the file .csv"),
        ("a.txt", "Go. ||| Va !", "there must be a tab, .* if the '|' in it"),
        ("a.tsv", "Go.,Va !", "there must be a tab"),
        ("a.csv", "Go.\tVa !\nHi.", "there must be a comma, .* in it .*name the file .tsv"),
        ("a.csv", "Go.;Va !\nHi.", "there must be a comma, .* all lines must have it, as often"),
    ],
)
def test_another_separator_is_told(tmp_path: Path, name: str, line: str, expected: str) -> None:
    path = write(tmp_path / name, f"{line}\n{line}\n".encode())
    with pytest.raises(DataError, match=rf"{name}:1: .*{expected}".replace("|", r"\|")):
        ParallelCorpus.read(path)


def test_csv_has_no_longest_field(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    long = "a b " * 100_000
    path = write(tmp_path / "a.csv", quoted([["text"], [long], ["x"]]))
    assert read_monolingual(path) == [long, "x"]
    pairs = write(tmp_path / "b.csv", quoted([[long, "x"], ["y", long]]))
    assert list(ParallelCorpus.read(pairs)) == [(long, "x"), ("y", long)]
    threads = [threading.Thread(target=read_monolingual, args=[path]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(DataError, match="not valid CSV"):
        ParallelCorpus.read(write(pairs, b'"a'))
    assert csv.field_size_limit() == before, "the process's own limit is as it was"


# ---------------------------------------------------------------------------------------------
# Arrow's types


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary"])
def test_text_of_every_arrow_type(tmp_path: Path, kind: str) -> None:
    import pyarrow

    def column(side: int) -> object:
        values = pyarrow.array([pair[side] for pair in PAIRS])
        if kind == "dictionary":
            return values.dictionary_encode()
        return values.cast(getattr(pyarrow, kind)())

    path = write(
        tmp_path / "a.parquet", parquet_bytes({"n": [1, 2, 3], "b": column(1), "a": column(0)})
    )
    assert list(ParallelCorpus.read(path, source="a", target="b")) == PAIRS
    assert ParallelCorpus.read(path).sources == [target for _, target in PAIRS]
    assert read_monolingual(path, column="a") == [source for source, _ in PAIRS]


@pytest.mark.parametrize("value", [["Hi", "there"], b"Hi", 3, None, {"a": "b"}])
def test_columns_of_parquet_without_text_are_told(tmp_path: Path, value: object) -> None:
    path = write(tmp_path / "a.parquet", parquet_bytes({"en": [value], "fr": [value]}))
    expected = (
        r"a\.parquet: the source and target columns must be named, since no column holds text"
    )
    with pytest.raises(DataError, match=rf"{expected}; the columns are 'en', 'fr'"):
        ParallelCorpus.read(path)
    with pytest.raises(DataError, match="column 'en' is not text, but"):
        ParallelCorpus.read(path, source="en", target="fr")
    with pytest.raises(DataError, match="the text column must be named, since no column holds"):
        read_monolingual(path)


def test_parquet_without_rows_or_columns_is_told(tmp_path: Path) -> None:
    import pyarrow

    empty = pyarrow.array([], pyarrow.string())
    path = write(tmp_path / "a.parquet", parquet_bytes({"en": empty, "fr": empty}))
    with pytest.raises(DataError, match="has no sentence pairs"):
        ParallelCorpus.read(path)
    with pytest.raises(DataError, match="no column holds text; the columns are none"):
        ParallelCorpus.read(write(path, parquet_bytes({})))


def test_a_parquet_column_that_is_there_twice_is_told(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 3, names=["en", "en", "fr"])
    path = tmp_path / "a.parquet"
    parquet.write_table(table, path)
    with pytest.raises(DataError, match="column 'en' is there twice"):
        ParallelCorpus.read(path, source="en", target="fr")
