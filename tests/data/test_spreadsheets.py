"""Tables as Excel and pandas save them: quoted cells, semicolons, numbered columns, JSON."""

import csv
import gzip
import io
import json
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest

from seq2seq.cli.options import input_lines, read_aligned
from seq2seq.data.monolingual import read_monolingual
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.headers import HeaderWarning
from seq2seq.data.readers.plain_text import TableWarning, read_plain_lines
from seq2seq.errors import DataError, SettingsError

PAIRS = [("Go home, now.", "Rentre."), ('"Hi, you."', 'Il dit "Salut".'), ("I eat.", "Je mange.")]
HEADER = ("phrase", "sens")
Rows = Sequence[Sequence[str]]


def saved(path: Path, rows: Rows, separator: str, quoting: int = csv.QUOTE_MINIMAL) -> Path:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator, quoting=quoting).writerows(rows)
    path.write_text(file.getvalue(), encoding="utf-8", newline="")
    return path


# ---------------------------------------------------------------------------------------------
# quotes in TSV


@pytest.mark.parametrize("name", ["a.tsv", "a.txt"])
def test_doubled_quotes_of_a_table_with_tabs_are_refused(tmp_path: Path, name: str) -> None:
    rows = [*PAIRS[::2], *[("a", "b")] * 50, PAIRS[1]]
    path = saved(tmp_path / name, rows, "\t")
    with pytest.raises(DataError, match=rf"{name}:53: cells are quoted as .* name the file .csv"):
        ParallelCorpus.read(path, source=0, target=1)
    again = path.rename(tmp_path / "renamed.csv")
    assert list(ParallelCorpus.read(again)) == rows, "the advice helps"


def test_a_table_with_tabs_and_all_cells_quoted_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tsv", PAIRS[::2], "\t", csv.QUOTE_ALL)
    with pytest.raises(DataError, match=r"a\.tsv:1: cells are quoted as"):
        ParallelCorpus.read(path)


def test_cells_that_excel_quotes_for_their_commas_are_refused(tmp_path: Path) -> None:
    lines = ['"Yes, please."\tOui.\n', "No.\tNon.\n", "Go.\tVa !\n"] * 10
    path = tmp_path / "a.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.tsv:1: cells are quoted as"):
        read_monolingual(path, column=0)


@pytest.mark.parametrize(
    "lines",
    [
        ['"Hi!"\t"Salut !"\n', "Go.\tVa !\n"],
        ['"Hi!"\t"Salut !"\n', '"Hi," he said.\tIl dit "Salut".\n'] * 20,
        ['""Hi""\t"\n', '""\t""""\n', '"Go"\t"Va" "donc"\n'],
        ['"Hi!"\tSalut !\n'] * 5 + ["Go.\tVa !\n"] * 500,
    ],
    ids=["few", "speech", "odd", "rare"],
)
def test_quotes_of_the_text_itself_stay(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    found = list(ParallelCorpus.read(path))
    assert [f"{source}\t{target}\n" for source, target in found] == lines


# ---------------------------------------------------------------------------------------------
# CSV with other separators


@pytest.mark.parametrize("separator", [";", "\t", ","])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_csv_may_have_semicolons_or_tabs(tmp_path: Path, separator: str, quoting: int) -> None:
    rows = [("a; b, c", "d\te"), *PAIRS, ('one "line"\nand another', ";")]
    path = saved(tmp_path / "a.csv", rows, separator, quoting)
    assert list(ParallelCorpus.read(path)) == rows
    named = saved(tmp_path / "b.csv", [HEADER, *rows], separator, quoting)
    assert list(ParallelCorpus.read(named, source="sens", target="phrase")) == [
        (target, source) for source, target in rows
    ]


def test_errors_of_csv_name_its_own_separator(tmp_path: Path) -> None:
    rows = [("a", "b")] * 120
    path = saved(tmp_path / "a.csv", [*rows, ("a", "b", "c")], ";")
    with pytest.raises(DataError, match=r"a\.csv:121: .* is there a semicolon .* inside of a text"):
        ParallelCorpus.read(path)
    path = saved(tmp_path / "a.csv", [*rows, ("a",)], ";")
    with pytest.raises(DataError, match=r"a\.csv:121: .*a semicolon stands between columns"):
        ParallelCorpus.read(path)


@pytest.mark.parametrize("first", ["sep=;\n", '"sep=;"\r\n'])
def test_the_first_line_that_tells_excel_the_separator_is_no_text(
    tmp_path: Path, first: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{first}Hi, you.;Salut, toi.\nGo.;Va !\n", encoding="utf-8", newline="")
    assert list(ParallelCorpus.read(path)) == [("Hi, you.", "Salut, toi."), ("Go.", "Va !")]
    path.write_text(f"{first}Hi.;Salut.\nGo.\n", encoding="utf-8", newline="")
    with pytest.raises(DataError, match=r"a\.csv:3: .*a semicolon stands between"):
        ParallelCorpus.read(path, source=0, target=1)


def test_a_column_of_csv_with_semicolons_in_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\nHe came; he saw.\nHe left.\n", encoding="utf-8")
    assert read_monolingual(path) == ["He came; he saw.", "He left."]


# ---------------------------------------------------------------------------------------------
# tables where a model reads lines


@pytest.mark.parametrize(
    ("name", "text", "advice"),
    [
        ("te.tsv", "a\tb\nc\td\n\n", "cut -f1 .*te.tsv > source.txt"),
        ("te.TSV.gz", "a\tb\n", r"gzip -dc .*te.TSV.gz \| cut -f1 > source.txt"),
        ("te.csv", '"a, b",c\nd,e\n', "write the column that is to be read to a text file"),
        ("te.csv", "a, b;c\nd;e\n", "write the column that is to be read to a text file"),
        ("te.jsonl", '{"source": "a"}\n', "jq -r .source .*te.jsonl > source.txt"),
        ("te.json.gz", "[]", r"gzip -dc .*te.json.gz \| jq -r '.\[\].source' > source.txt"),
        ("te.parquet", "PAR1", "write the column that is to be read to a text file"),
    ],
)
def test_a_table_is_no_text_for_a_model(tmp_path: Path, name: str, text: str, advice: str) -> None:
    data = text.encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    with pytest.raises(DataError, match=rf"{name} is a table: .*{advice}"):
        read_plain_lines(str(path))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("te.en", ['{"source": "a"}']),
        ("te.tsv", ["a\tb", "c"]),
        ("te.tsv", ["Go.", "Hi."]),
        ("te.csv", ["Go, now.", "Hi."]),
        ("te.csv", ['"Go', "Hi."]),
        ("te.tsv", []),
        ("te.csv", []),
    ],
)
def test_other_text_is_read_for_a_model(tmp_path: Path, name: str, lines: list[str]) -> None:
    path = tmp_path / name
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert read_plain_lines(str(path)) == lines


def test_columns_in_a_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "te.txt"
    path.write_text("a\tb\nc\td\n", encoding="utf-8")
    with pytest.warns(TableWarning, match="cut -f1"):
        assert read_plain_lines(str(path)) == ["a\tb", "c\td"]


@pytest.mark.parametrize("name", ["none.jsonl", "none.tsv"])
def test_a_table_that_is_missing_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"there is no file .*{name}"):
        read_plain_lines(str(tmp_path / name))


def test_commands_read_no_table(tmp_path: Path) -> None:
    path = tmp_path / "te.tsv"
    path.write_text("English\tVietnamese\nGo.\tVa !\n", encoding="utf-8")
    for read in (input_lines, read_aligned):
        with pytest.raises(DataError, match="is a table: cut out the column"):
            read(str(path))


def test_a_table_is_no_side_of_a_corpus(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tsv", PAIRS[::2], "\t")
    with pytest.raises(DataError, match=r"a\.tsv is a table: cut out the column"):
        ParallelCorpus.read(path, tmp_path / "b.txt")
    with pytest.raises(DataError, match=r"; or, if both are tables .*a\.tsv .*b\.csv$"):
        ParallelCorpus.read(path, tmp_path / "b.csv")


# ---------------------------------------------------------------------------------------------
# columns by number


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
@pytest.mark.parametrize(
    "header",
    [("id", "English", "Vietnamese"), ("id", "source", "target"), ("n", "vi", "en_US"),
     ("note", "input", "output"), ("en", "fr", "de")],
    ids=" ".join,
)  # fmt: skip
def test_a_header_above_numbered_columns_is_no_pair(
    tmp_path: Path, name: str, header: tuple[str, ...]
) -> None:
    rows = [header, *((f"n{n}", *pair) for n, pair in enumerate(PAIRS[::2]))]
    path = saved(tmp_path / name, rows, "\t" if name == "a.tsv" else ",")
    with pytest.warns(HeaderWarning, match=rf"{name}:1: .* is taken for a header, not for text"):
        assert list(ParallelCorpus.read(path, source=1, target=2)) == PAIRS[::2]
    with pytest.warns(HeaderWarning):
        assert read_monolingual(path, column=1) == [source for source, _ in PAIRS[::2]]


@pytest.mark.parametrize("first", [("eng", "Go.", "fra", "Va !"), ("a", "no", "b", "non"), HEADER])
def test_a_first_row_of_text_stays(tmp_path: Path, first: tuple[str, ...]) -> None:
    columns = len(first) // 2 - 1, len(first) - 1
    path = saved(tmp_path / "a.tsv", [first, first], "\t")
    with warnings.catch_warnings():
        warnings.simplefilter("error", HeaderWarning)
        found = list(ParallelCorpus.read(path, source=columns[0], target=columns[1]))
    assert found == [(first[columns[0]], first[columns[1]])] * 2


# ---------------------------------------------------------------------------------------------
# what messages say to type


def test_messages_name_the_options_with_the_columns_of_the_file(tmp_path: Path) -> None:
    rows = [("id", "English text", "French"), ("1", "Go.", "Va !"), ("2", "Hi.", "Salut !")]
    table = saved(tmp_path / "a.tsv", rows, "\t")
    example = "as with --data.source 'English text' --data.target French, since"
    with pytest.raises(DataError, match=rf"named or numbered \(from 0\), {example}"):
        ParallelCorpus.read(table)
    bare = saved(tmp_path / "b.tsv", [("1", "Go."), ("2", "Hi, you.")], "\t")
    with pytest.raises(DataError, match=r"\(from 0\), as with --data.column 1, since there are 2"):
        read_monolingual(bare)
    records = tmp_path / "a.jsonl"
    records.write_text(json.dumps({"n": "1", "phrase": "Go.", "sens": "Va !"}), encoding="utf-8")
    with pytest.raises(DataError, match=r"as with --data\.source phrase --data\.target sens"):
        ParallelCorpus.read(records)


def test_one_column_of_a_pair_is_not_enough(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tsv", PAIRS[::2], "\t")
    with pytest.raises(SettingsError, match=r"--data.source english needs --data.target, too"):
        ParallelCorpus.read(path, source="english")
    with pytest.raises(SettingsError, match=r"--data.target 0 needs --data.source, too"):
        ParallelCorpus.read(path, target=0)


# ---------------------------------------------------------------------------------------------
# JSON by columns


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "table",
    [{"en": {"0": "Go."}, "fr": {"0": "Va !"}}, {"en": ["Go."], "fr": ["Va !"]},
     {"data": [{"en": "Go.", "fr": "Va !"}]}],
    ids=["columns", "lists", "data"],
)  # fmt: skip
def test_json_by_columns_is_told(tmp_path: Path, table: object, indent: int | None) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(table, indent=indent), encoding="utf-8")
    with pytest.raises(DataError, match=r'a\.json: it is one object .*\(orient="records"\)'):
        ParallelCorpus.read(path)
    with pytest.raises(DataError, match=r'a\.json: it is one object .*\(orient="records"\)'):
        read_monolingual(path)


def test_one_record_is_no_object_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"translation": {"en": "Go.", "fr": "Va !"}}), encoding="utf-8")
    assert list(ParallelCorpus.read(path)) == [("Go.", "Va !")]
    path.write_text(json.dumps({"tags": ["x"], "en": "Go.", "fr": "Va !"}), encoding="utf-8")
    assert list(ParallelCorpus.read(path)) == [("Go.", "Va !")]
