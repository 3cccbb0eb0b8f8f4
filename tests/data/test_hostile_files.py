"""Files of any characters: pairs stay pairs, or an error says which line is at fault."""

import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seq2seq.data.monolingual import read_monolingual
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.headers import HeaderWarning
from seq2seq.data.readers.lines import read_lines
from seq2seq.data.readers.tables import TABLE_SUFFIXES
from seq2seq.errors import DataError
from tests.support.hostile import LINE, LINES, LONG
from tests.support.platforms import needs_posix

BOM = "\ufeff"
ENDS = st.sampled_from(["\n", "\r\n"])
PAIRS = st.lists(st.tuples(LINE, LINE), min_size=1, max_size=8)
NUMBERS = "ignore::seq2seq.data.readers.contents.ColumnWarning"
"""Columns may hold nothing but numbers here."""


def write(path: Path, content: str | bytes) -> Path:
    data = content if isinstance(content, bytes) else content.encode("utf-8")
    compress = {
        ".gz": partial(gzip.compress, compresslevel=1),
        ".xz": partial(lzma.compress, preset=0),
    }
    path.write_bytes(compress.get(path.suffix, bytes)(data))
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


def plain(line: str) -> str:
    """A line that is not the end of one, and has no byte order mark of its own."""
    return line.rstrip("\r").lstrip(BOM)


# ---------------------------------------------------------------------------------------------
# lines


@pytest.mark.slow
@given(
    pairs=PAIRS,
    ends=st.tuples(ENDS, ENDS),
    boms=st.tuples(st.booleans(), st.booleans()),
    ended=st.tuples(st.booleans(), st.booleans()),
    suffix=st.sampled_from(["", ".gz"]),
)
def test_two_files_stay_aligned(
    folder: Path,
    pairs: list[tuple[str, str]],
    ends: tuple[str, str],
    boms: tuple[bool, bool],
    ended: tuple[bool, bool],
    suffix: str,
) -> None:
    """Each side with its own line ends, byte order mark and end of the last line."""
    # The number keeps a last line from being empty: one without an end would not be there.
    lines = [
        [f"{plain(text)}{n}" for n, text in enumerate(side)] for side in zip(*pairs, strict=True)
    ]
    paths = []
    for side, name in enumerate("st"):
        text = ends[side].join(lines[side]) + ends[side] * ended[side]
        paths.append(write(folder / f"{name}{suffix}", BOM * boms[side] + text))
    if any(len(side) == 1 and "\r" in side[0] for side in lines):
        return  # see test_a_file_with_carriage_returns_only_is_told
    assert list(ParallelCorpus.read(*paths)) == list(zip(*lines, strict=True))
    for path, expected in zip(paths, lines, strict=True):
        assert read_monolingual(path) == read_lines(path) == expected


@pytest.mark.filterwarnings(NUMBERS)
def test_empty_lines_may_be_anywhere(folder: Path) -> None:
    for filled in product([True, False], repeat=4):
        lines = [str(n) * there for n, there in enumerate(filled)]
        path = write(folder / "empty", "".join(f"{line}\n" for line in lines))
        assert read_lines(path) == lines
        assert ParallelCorpus.read(path, path).targets == lines
        for name, text in {
            "empty.tsv": "".join(f"{line}\t{line}\n" for line in lines),
            "empty.csv": "".join(f"{line},{line}\r\n" for line in lines),
            "empty.jsonl": "".join(json.dumps({"s": s, "t": s}) + "\n" for s in lines),
        }.items():
            assert ParallelCorpus.read(write(folder / name, text)).sources == lines


@given(lines=LINES, more=st.integers(1, 3))
def test_another_number_of_lines_is_told(folder: Path, lines: list[str], more: int) -> None:
    few, many = ("".join(f"x{line}\n" for line in side) for side in (lines, lines + ["y"] * more))
    paths = write(folder / "few", few), write(folder / "many", many)
    for one, other in (paths, paths[::-1]):
        with pytest.raises(DataError, match=r"few has|it is one line"):
            ParallelCorpus.read(one, other)


@given(
    lines=LINES,
    place=st.integers(0, 7),
    # Two lone surrogates, Latin-1, a character cut in two, one too large, one written too long.
    wrong=st.sampled_from(
        [b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xe9", b"\xe2\x80", b"\xf5\x80", b"\xc0\x80"]
    ),
    suffix=st.sampled_from(["", ".gz"]),
)
def test_what_is_no_text_is_named_with_its_line(
    folder: Path, lines: list[str], place: int, wrong: bytes, suffix: str
) -> None:
    place %= len(lines)
    rows = [f"x{line}".encode() for line in lines]
    rows[place] += wrong
    good = write(folder / "good", "x\n" * len(lines))
    path = write(folder / f"wrong{suffix}", b"\n".join(rows) + b"\n")
    expected = rf"wrong(\.gz)?:{place + 1}: not valid UTF-8: byte 0x{wrong[0]:02x}"
    with pytest.raises(DataError, match=expected):
        ParallelCorpus.read(path, good)
    with pytest.raises(DataError, match=expected):
        ParallelCorpus.read(good, path)
    with pytest.raises(DataError, match=expected):
        read_monolingual(path)
    for ending in (".tsv", ".csv", ".jsonl"):
        table = write(folder / f"wrong{ending}", b"\n".join(rows) + b"\n")
        with pytest.raises(DataError, match=rf"wrong{ending}:{place + 1}: not valid UTF-8"):
            ParallelCorpus.read(table)


def test_a_zero_is_a_character(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "a\0b\t\0\nc\td\n")
    assert list(ParallelCorpus.read(path)) == [("a\0b", "\0"), ("c", "d")]


def test_a_file_with_carriage_returns_only_is_told(tmp_path: Path) -> None:
    """As Macs wrote it: the whole corpus would be one pair."""
    path, other = write(tmp_path / "a", "Go.\rHi.\r"), write(tmp_path / "b", "Va !\nSalut !\n")
    for paths in ((path, path), (path, other), (other, path)):
        with pytest.raises(DataError, match=r"a:1: it is one line with 2 carriage returns"):
            ParallelCorpus.read(*paths)
    with pytest.raises(DataError, match="carriage returns"):
        read_monolingual(path)
    for ending, match in ((".tsv", "carriage returns"), (".csv", "not valid CSV")):
        table = write(tmp_path / f"a{ending}", "Go.\tVa !\rHi.\tSalut !\r".replace("\t", "\t,"))
        with pytest.raises(DataError, match=rf"a{ending}:1: .*{match}"):
            ParallelCorpus.read(table)
    # With other ends beside it, and at the end of the file, it is a character.
    assert ParallelCorpus.read(*[write(tmp_path / "c", "a\rb\nc\r")] * 2).sources == ["a\rb", "c\r"]
    assert read_monolingual(write(tmp_path / "d", "a\r")) == ["a\r"]


def test_long_lines_are_read(tmp_path: Path) -> None:
    lines = [*LONG, "", "x"]
    one = write(tmp_path / "one.gz", "\n".join(lines))
    other = write(tmp_path / "other", "\r\n".join(reversed(lines)) + "\r\n")
    assert list(ParallelCorpus.read(one, other)) == list(zip(lines, lines[::-1], strict=True))
    table = write(tmp_path / "a.tsv.gz", "\n".join(f"{line}\t{line}" for line in lines))
    assert ParallelCorpus.read(table).targets == lines


# ---------------------------------------------------------------------------------------------
# tables


def tsv(rows: Sequence[Sequence[str]], end: str) -> str:
    return "".join("\t".join(row) + end for row in rows)


def quoted(rows: Sequence[Sequence[str]], end: str, quoting: int = csv.QUOTE_ALL) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=end, quoting=quoting).writerows(rows)
    return file.getvalue()


def quoted_where_needed(rows: Sequence[Sequence[str]], end: str) -> str:
    return quoted(rows, end, csv.QUOTE_MINIMAL)


def records(rows: Sequence[Sequence[str]]) -> list[str]:
    first, *rest = rows
    return [json.dumps(dict(zip(first, row, strict=True)), ensure_ascii=False) for row in rest]


def json_lines(rows: Sequence[Sequence[str]], end: str) -> str:
    return "".join(record + end for record in records(rows))


def json_list(rows: Sequence[Sequence[str]], end: str) -> str:
    return f"[{end}{f',{end}'.join(records(rows))}]"


FORMATS: dict[str, Callable[[Sequence[Sequence[str]], str], str]] = {
    "a.tsv": tsv,
    "a.txt": tsv,
    "a.csv": quoted,
    "b.csv": quoted_where_needed,
    "a.jsonl": json_lines,
    "a.json": json_list,
}


def test_every_table_that_can_be_read_is_tested_here() -> None:
    endings = {Path(name).suffix for name in FORMATS} - {".txt"}
    assert {*endings, ".parquet"} == set(TABLE_SUFFIXES)


@pytest.mark.filterwarnings(NUMBERS)
@pytest.mark.slow
@pytest.mark.parametrize("name", list(FORMATS))
@settings(max_examples=50)
@given(
    pairs=PAIRS,
    end=ENDS,
    bom=st.booleans(),
    suffix=st.sampled_from(["", ".gz", ".xz"]),
    swapped=st.booleans(),
    notes=st.lists(LINE, min_size=8, max_size=8),
)
@example([("a", "b"), ("", ""), ("", "")], "\n", False, "", False, ["x"] * 8)
def test_tables_stay_aligned(
    folder: Path,
    name: str,
    pairs: list[tuple[str, str]],
    end: str,
    bom: bool,
    suffix: str,
    swapped: bool,
    notes: list[str],
) -> None:
    """With a header, columns in another order, and one more."""
    rows = [("source", "note", "target")]
    rows += [(s, note, t) for (s, t), note in zip(pairs, notes, strict=False)]
    if "tsv" in name or "txt" in name:  # no cell has its mark, and no line ends with half an end
        rows = [tuple(plain(cell.replace("\t", " ")) for cell in row) for row in rows]
    if name == "b.csv":  # csv does not quote these by itself
        rows = [tuple(cell.replace("\r", "\v") for cell in row) for row in rows]
    expected = [(row[0], row[2]) for row in rows[1:]]
    if swapped:
        rows = [row[::-1] for row in rows]
    path = write(folder / f"{name}{suffix}", BOM * bom + FORMATS[name](rows, end))
    assert list(ParallelCorpus.read(path)) == expected
    assert list(ParallelCorpus.read(path, source="source", target="target")) == expected
    texts = [target for _, target in expected]
    if any(text.strip() for text in texts):
        assert read_monolingual(path, column="target") == texts


@pytest.mark.filterwarnings(NUMBERS)
@given(texts=st.lists(st.tuples(*[st.text(st.characters(), max_size=3)] * 2), min_size=1))
@example([("\ud800", "\udfff\ud800"), ("", "\ud83d\ude00")])
def test_lone_surrogates_stay_in_their_pair(folder: Path, texts: list[tuple[str, str]]) -> None:
    """JSON can write them; two that belong together are a character."""
    path = folder / "surrogates.jsonl"
    write(path, "".join(json.dumps({"s": s, "t": t}) + "\n" for s, t in texts))
    assert list(ParallelCorpus.read(path)) == [
        tuple(json.loads(json.dumps(text)) for text in pair) for pair in texts
    ]


@pytest.mark.filterwarnings(NUMBERS)
@pytest.mark.slow
@settings(max_examples=12)
@given(pairs=PAIRS)
def test_parquet_stays_aligned(folder: Path, pairs: list[tuple[str, str]]) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table({"source": [s for s, _ in pairs], "target": [t for _, t in pairs]})
    pyarrow.parquet.write_table(table, folder / "a.parquet")
    assert list(ParallelCorpus.read(folder / "a.parquet")) == pairs


def test_bytes_in_parquet_that_are_no_text_are_told(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    wrong = pyarrow.array([b"ok", b"\xed\xa0\x80"]).view(pyarrow.string())
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"source": wrong, "target": ["a", "b"]}), path)
    with pytest.raises(DataError, match=r"a\.parquet, row 2: not text: "):
        ParallelCorpus.read(path)


@pytest.mark.filterwarnings(NUMBERS)
@given(data=st.binary(max_size=60), ending=st.sampled_from([*FORMATS, "a.parquet", "a.gz", "a"]))
def test_any_bytes_are_read_or_refused(folder: Path, data: bytes, ending: str) -> None:
    path = folder / f"any-{ending}"
    path.write_bytes(data)
    said = []
    for read in (ParallelCorpus.read, read_monolingual):
        try:
            read(path)
        except DataError as error:
            said.append(str(error))
    assert all(path.name in message for message in said)


# ---------------------------------------------------------------------------------------------
# what would shift in silence


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.csv", "Hello,Bonjour\nHello, you,Bonjour, toi\n", 2),
        ("a.csv", 'source,target\n"a\nb",c\nd,e,f\n', 4),
        ("a.tsv", "Go.\tVa !\nGo\ton.\tContinue !\n", 2),
    ],
)
def test_a_mark_inside_of_a_text_is_told(tmp_path: Path, name: str, text: str, line: int) -> None:
    with pytest.raises(DataError, match=rf"{name}:{line}: there are [34] columns, but 2 in the fi"):
        ParallelCorpus.read(write(tmp_path / name, text))


def test_a_mark_inside_of_running_text_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "Hello\nGo on, now\n")
    with pytest.raises(DataError, match=r"a\.csv:2: there are 2 columns.* a comma \(without quo"):
        read_monolingual(path)


def test_a_key_that_is_there_twice_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"s": "a", "t": "b"}\n{"s": "a", "t": "b", "s": "c"}\n')
    with pytest.raises(DataError, match=r"a\.jsonl:2: .*the key 's' is there more than once"):
        ParallelCorpus.read(path)


def test_a_column_that_is_there_twice_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "en\tfr\ten\nGo.\tVa !\tGo!\n")
    with pytest.raises(DataError, match=r"a\.tsv:1: column 'en' is there twice"):
        ParallelCorpus.read(path, source="en", target="fr")
    path = write(tmp_path / "a.tsv", "source\ttarget\tsrc\na\tb\tc\n")
    with pytest.raises(DataError, match=r"a\.tsv:1: both 'source' and 'src' may be the source"):
        ParallelCorpus.read(path)


# ---------------------------------------------------------------------------------------------
# headers that nobody told of


@pytest.mark.parametrize(
    ("name", "header", "swapped"),
    [
        ("a.tsv", "Source\tTarget", False),
        ("a.tsv", "tgt\tsrc", True),
        ("a.csv", "note,TARGET_TEXT, source text", True),
    ],
)
def test_names_of_the_roles_are_a_header(
    tmp_path: Path, name: str, header: str, swapped: bool
) -> None:
    mark = "\t" if name == "a.tsv" else ","
    row = mark.join([*["x"] * (header.count(mark) - 1), "Go.", "Va !"])
    found = ParallelCorpus.read(write(tmp_path / name, f"{header}\n{row}\n"))
    assert list(found) == [("Va !", "Go.") if swapped else ("Go.", "Va !")]


@pytest.mark.parametrize(
    ("name", "header"),
    [("a.tsv", "en\tfr"), ("a.csv", "EN, fr"), ("a.tsv", "de\ten\tlicence"),
     ("train.eng-fra.tsv", "eng\tfra"), ("klingon_english.csv", "Klingon,English")],
)  # fmt: skip
def test_two_languages_are_a_header_with_a_warning(tmp_path: Path, name: str, header: str) -> None:
    mark = "," if name.endswith("csv") else "\t"
    rows = [mark.join(row) for row in (("Go.", "Va !", "x"), ("Hi.", "Salut !", "x"))]
    rows = rows if header.count(mark) == 2 else [row.rpartition(mark)[0] for row in rows]
    path = write(tmp_path / name, "\n".join([header, *rows]))
    with pytest.warns(HeaderWarning, match=rf"{name}:1: .* is taken for a header"):
        assert list(ParallelCorpus.read(path)) == [("Go.", "Va !"), ("Hi.", "Salut !")]
    with pytest.warns(HeaderWarning):
        assert len(ParallelCorpus.read(path, source=0, target=1)) == 2
    names = header.split(mark)[:2]
    assert len(ParallelCorpus.read(path, source=names[0], target=names[1])) == 2


@pytest.mark.parametrize(
    "row", ["no\tno", "Go.\tfr", "to be\tet", "Go.\tVa !\ten\tfr", "pairs\ttrain", "source\tVa !"]
)
def test_a_pair_is_no_header(tmp_path: Path, row: str) -> None:
    path = write(tmp_path / "pairs.train.tsv", f"{row}\n{row}\n")
    assert list(ParallelCorpus.read(path)) == [tuple(row.split("\t")[:2])] * 2


@pytest.mark.parametrize("row", ["id\ten\tfr", "#\ten\tfr", "en\tGo.\tfr\tVa !"])
def test_languages_of_other_columns_are_told(tmp_path: Path, row: str) -> None:
    with pytest.raises(DataError, match=r"a\.tsv:1: .* columns must be named or numbered"):
        ParallelCorpus.read(write(tmp_path / "a.tsv", f"{row}\n{row}\n"))


@needs_posix
@pytest.mark.parametrize("name", ["a.txt", "a.tsv"])
def test_a_device_is_told(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.symlink_to("/dev/zero")
    with pytest.raises(DataError, match=f"{name} is a device, and has no end"):
        read_monolingual(str(path))
