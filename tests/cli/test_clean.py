"""seq2seq clean as a user meets it: what is dropped, what is written, and what is not."""

import bz2
import csv
import gzip
import io
import json
import lzma
import re
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from pyarrow import parquet

from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.file_kinds import COMPRESSIONS
from seq2seq.data.readers.headers import Columns
from seq2seq.data.readers.streams import stream_pairs
from seq2seq.errors import DataError
from tests.support.hostile import LINES

Command = Callable[..., tuple[str, str]]
Fails = Callable[..., str]

PAIRS = [
    ("Hi.", "Salut !"),
    ("<b>Go</b>", "Va !"),
    ("Hi.", "Salut !"),
    ("", "x"),
    ("Ça", "i\u2028t"),
]
ROLES = Columns(("source", "target"))
LEFT = [PAIRS[0], PAIRS[4]]


def rows_of(pairs: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"id": n, "en": s, "fr": t, "score": n / 2} for n, (s, t) in enumerate(pairs, 1)]


def as_csv(pairs: list[tuple[str, str]], separator: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator)
    writer.writerow(["id", "en", "fr", "score"])
    writer.writerows([[*row.values()] for row in rows_of(pairs)])
    return text.getvalue()


def as_parquet(pairs: list[tuple[str, str]]) -> bytes:
    data = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows_of(pairs)), data)
    return data.getvalue()


def table(name: str, pairs: list[tuple[str, str]]) -> bytes:
    """A table with an id before the sentences and a score behind them."""
    rows = rows_of(pairs)
    if name.startswith("a.parquet"):
        return as_parquet(pairs)
    if name.startswith("excel"):
        return ("\ufeff" + "sep=;\r\n" + as_csv(pairs, ";")).encode()
    if name.startswith("a.csv"):
        return as_csv(pairs, ",").encode()
    if name.startswith("a.jsonl"):
        return "".join(f"{json.dumps(row)} \n" for row in rows).encode()
    if name.startswith("a.json"):
        return (
            "[\n" + ",\n".join(json.dumps(r, ensure_ascii=False) for r in rows) + "\n]\n"
        ).encode()
    lines = ["id\ten\tfr\tscore", *("\t".join(map(str, row.values())) for row in rows)]
    return "\r\n".join(lines).encode()


COMPRESS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    ".zst": lambda data: pyarrow.compress(data, "zstd", asbytes=True),
}


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(COMPRESS.get(path.suffix, bytes)(data))
    return path


def decompressed(path: Path) -> bytes:
    if compression := COMPRESSIONS.get(path.suffix):
        with compression.open(io.BytesIO(path.read_bytes())) as stream:
            return stream.read()
    return path.read_bytes()


# ---------------------------------------------------------------------------------------------
# formats


@pytest.mark.parametrize(
    "name",
    [
        *("a.tsv", "a.csv", "excel.csv", "a.jsonl", "a.json", "a.parquet"),
        *(f"a.tsv{end}" for end in COMPRESSIONS),
    ],
)
def test_a_table_is_written_as_it_was(name: str, run: Command, tmp_path: Path) -> None:
    path = write(tmp_path / name, table(name, PAIRS))
    columns = ("--source", "en", "--target", "fr")
    shown, _ = run("clean", path, "--out", tmp_path / "out", *columns, "--html")
    if name == "a.parquet":
        rows = parquet.read_table(tmp_path / "out" / name)
        assert rows.to_pylist() == [row for row in rows_of(PAIRS) if row["id"] in (1, 5)]
        assert rows.schema == parquet.read_table(path).schema
    elif name == "a.json":
        found = json.loads((tmp_path / "out" / name).read_bytes())
        assert found == [row for row in rows_of(PAIRS) if row["id"] in (1, 5)]
    else:  # to the byte: the header, the first row and the last
        lines = table(name, PAIRS).splitlines(keepends=True)
        assert decompressed(tmp_path / "out" / name) == b"".join(lines[:-4] + lines[-1:])
    assert [*ParallelCorpus.read(tmp_path / "out" / name, source="en", target="fr")] == LEFT
    assert "1    20.00%  dropped for an empty side" in shown
    assert "1    20.00%  dropped as duplicates" in shown
    assert "1    20.00%  dropped for HTML" in shown
    assert "2    40.00%  kept" in shown
    assert shown.count(" | ") == 3


@pytest.mark.parametrize("end", ["", ".gz"])
def test_two_files_stay_two(end: str, run: Command, tmp_path: Path) -> None:
    sides = zip(*PAIRS, strict=True)
    paths = [
        write(tmp_path / f"a.{name}{end}", "\n".join(side).encode())
        for name, side in zip(("en", "fr"), sides, strict=True)
    ]
    run("clean", *paths, "--out", tmp_path / "out", "--html")
    assert [*ParallelCorpus.read(*(tmp_path / "out" / path.name for path in paths))] == LEFT


@pytest.mark.parametrize(
    ("format", "names"),
    [
        ("tsv", ["a.tsv.gz"]),
        ("csv", ["a.csv.gz"]),
        ("jsonl", ["a.jsonl.gz"]),
        ("parquet", ["a.parquet"]),
        ("text", ["a.source.txt.gz", "a.target.txt.gz"]),
    ],
)
def test_another_format_is_written(
    format: str, names: list[str], run: Command, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv.gz", table("a.csv", PAIRS))
    columns = ("--source", "en", "--target", "fr")
    run("clean", path, "--out", tmp_path / "out", *columns, "--html", "--format", format)
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == names
    assert [*ParallelCorpus.read(*(tmp_path / "out" / name for name in names))] == LEFT


def test_what_a_format_can_not_hold_is_told(run: Command, fails: Fails, tmp_path: Path) -> None:
    rows = [{"source": "a\tb", "target": "c"}, {"source": "d\ne", "target": "f"}]
    path = write(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode())
    out = tmp_path / "out"
    said = fails("clean", path, "--out", out, "--format", "tsv")
    assert "a.jsonl:1: there is a tab or a line break in 'a\\tb'" in said
    said = fails("clean", path, "--out", out, "--format", "text")
    assert "a.jsonl:2: there is a tab or a line break in 'd\\ne'" in said
    write(path, b'[{"source": "a", "target": "\\ud800"}]')
    assert "a.jsonl, record 1: '\\ud800' is no character" in fails("clean", path, "--out", out)
    assert not out.exists(), "nothing half"
    assert "the Hub is cleaned while" in fails("clean", "user/books", "--dry-run")


def test_several_corpora_are_cleaned_together(run: Command, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name, text in {"a.tsv": "x\ty\nz\tz\n", "b.de": "x\nw\n", "b.en": "y\nv\n"}.items():
        write(tmp_path / name, text.encode())
    write(tmp_path / "data" / "train.jsonl", b'{"de": "w", "en": "v"}\n{"de": "u", "en": "t"}\n')
    files = [tmp_path / name for name in ("a.tsv", "b.de", "b.en", "data")]
    shown, _ = run("clean", *files, "--out", tmp_path / "out", "--copies")
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {
        "a.tsv": "x\ty\n",
        "b.de": "w\n",
        "b.en": "v\n",
        "train.jsonl": '{"de": "u", "en": "t"}\n',
    }
    assert f"{tmp_path / 'b.de'}:1  'x' | 'y'" in shown


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, others=LINES)
@pytest.mark.filterwarnings("ignore::seq2seq.data.readers.contents.ColumnWarning")
def test_pairs_are_those_that_training_reads(
    tmp_path: Path, lines: list[str], others: list[str]
) -> None:
    pairs = [(f"x{s}", f"y{t}") for s, t in zip(lines, others, strict=False)]
    csv_text = io.StringIO()
    csv.writer(csv_text).writerows(pairs)
    files = {
        "a.tsv": "".join("\t".join(s.replace("\t", " ") for s in pair) + "\n" for pair in pairs),
        "a.csv": csv_text.getvalue(),
        "a.jsonl": "".join(json.dumps({"s": s, "t": t}) + "\r\n" for s, t in pairs),
    }
    for name, text in files.items():
        path = write(tmp_path / name, text.encode("utf-8", "replace"))
        try:
            read = [*ParallelCorpus.read(path)]
        except DataError as error:
            with pytest.raises(DataError, match=f"^{re.escape(str(error))}$"):
                [*stream_pairs([path], ROLES)]
            continue
        streamed = [*stream_pairs([path], ROLES)]
        assert [record.pair for record in streamed if record.pair] == read
        assert "".join(record.raw for record in streamed) == path.read_bytes().decode()


# ---------------------------------------------------------------------------------------------
# the same in training


@pytest.mark.slow
def test_training_drops_the_same_pairs(run: Command, tmp_path: Path, sample: Path) -> None:
    lines = [
        path.read_text().splitlines()[:60] for path in (sample / "train.en", sample / "train.fr")
    ]
    pairs = [*zip(*lines, strict=True)]
    pairs += [*pairs[:3], ("One <br> two.", "Un, deux."), ("A dog.", "A dog."), ("Я тут.", "Ici.")]
    path = write(tmp_path / "a.tsv", "".join(f"{s}\t{t}\n" for s, t in pairs).encode())
    held_out = write(tmp_path / "test.tsv", f"{pairs[10][0]}\tsomething\n".encode())
    names = (
        "--duplicates",
        "--html",
        "--copies",
        "--source-script Latin",
        f"--held-out {held_out}",
    )
    given = [part.split() for part in names]
    run("clean", path, "--out", tmp_path / "out", *(word for part in given for word in part))
    left = ParallelCorpus.read(tmp_path / "out" / "a.tsv")
    flags = [word.replace("--", "--data.filters.") for part in given for word in part]
    arguments = ("--data.validation-size", "5", "--training.max-steps", "1", "--dry-run")
    _, log = run("train", path, *flags, *arguments)
    dropped = len(pairs) - len(left)
    source_twice = pairs[10][0]
    held = sum(s == source_twice for s, _ in pairs)
    assert f"a.tsv: {len(pairs)} pairs read, {held} dropped for a source in held-out text, " in log
    assert (
        "3 as duplicates, 1 for a target equal to its source, 1 for a source not in Latin script, "
        f"1 for HTML, {len(left)} kept"
    ) in log
    assert dropped == held + 6


# ---------------------------------------------------------------------------------------------
# what is not done


def test_a_dry_run_writes_nothing(run: Command, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", table("a.tsv", PAIRS))
    shown, _ = run("clean", path, "--source", "en", "--target", "fr", "--dry-run", "--examples", 0)
    assert "1    20.00%  dropped as duplicates" in shown
    assert " | " not in shown
    assert [*tmp_path.iterdir()] == [path]


def test_nothing_is_overwritten_unasked(run: Command, fails: Fails, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", b"x\ty\nx\ty\n")
    out = tmp_path / "out"
    run("clean", path, "--out", out)
    (out / "a.tsv").write_text("mine")
    assert "a.tsv is there already: give another --out, or --overwrite" in fails(
        "clean", path, "--out", out
    )
    assert (out / "a.tsv").read_text() == "mine"
    run("clean", path, "--out", out, "--overwrite")
    assert (out / "a.tsv").read_bytes() == b"x\ty\n"
    assert "a.tsv is read, too" in fails("clean", path, "--out", tmp_path, "--overwrite")
    assert "would be written twice" in fails("clean", path, path, "--out", tmp_path / "new")


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (b"a\tb\nc\n", (), r"a.tsv:2: column 1 (counted from 0) is missing"),
        (b"a\tb\nc\xe9\td\n", (), "a.tsv:2: not valid UTF-8: byte 0xe9"),
        (b"\tb\n", (), "no pair is left, and nothing is written"),
        (b"", (), "has no sentence pairs"),
        (b"a\tb\n", ("--max-ratio", "0.5"), "--max-ratio 0.5 must be at least 1"),
        (b"a\tb\n", ("--max-words", "-1"), "--max-words -1 must be at least 0"),
        (b"a\tb\n", ("--min-script", "0.9"), "--min-script 0.9 has no effect without --source-"),
        (b"a\tb\n", ("--source-script", "Latim"), "--source-script Latim is not a script"),
        (b"a\tb\n", ("--forward-model", "runs/none"), "--forward-model needs --min-score"),
        (b"a\tb\n", ("--source", "x"), "--source and --target belong together"),
        (b"a\tb\n", ("--held-out", "none.tsv"), "there is no file none.tsv"),
        (b"a\ten\tfr\nx\tb\tc\n", (), "as with --source en --target fr"),
    ],
)
def test_a_mistake_is_named(
    text: bytes, arguments: tuple[str, ...], message: str, fails: Fails, tmp_path: Path
) -> None:
    path = write(tmp_path / "a.tsv", text)
    said = fails("clean", path, "--out", tmp_path / "out", *arguments)
    assert message in said
    assert "--data." not in said
    assert not (tmp_path / "out").exists()


def test_where_to_write_must_be_said(fails: Fails, tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", b"a\tb\n")
    assert "give --out DIR" in fails("clean", path)
    assert "give the text to clean" in fails("clean", "--dry-run")
    assert "--out x has no effect with --dry-run" in fails("clean", path, "--dry-run", "--out", "x")
    assert "the other side" in fails("clean", tmp_path / "a.de", "--dry-run")
    short, long = write(tmp_path / "b.en", b"a\n"), write(tmp_path / "b.de", b"a\nb\nc\n")
    for one, other, counts in ((short, long, (1, 3)), (long, short, (3, 1))):
        said = fails("clean", one, other, "--dry-run")
        assert (
            f"{one} has {counts[0]} line{'s' * (counts[0] > 1)}, but {other} has {counts[1]};"
            in said
        )


def test_damage_is_told_and_leaves_nothing(fails: Fails, tmp_path: Path) -> None:
    lines = "".join(f"{n} a\t{n * n} b\n" for n in range(20_000)).encode()
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(lines)[:-3000])
    assert "a.tsv.gz is cut short or damaged" in fails("clean", path, "--out", tmp_path / "out")
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.slow
def test_memory_is_bounded(run: Command, tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    with path.open("w") as file:
        for number in range(30_000):
            file.write(f"{number} {'a' * 500}\t{'b' * 500} {number}\n")
    arguments = ("clean", path, "--out", tmp_path / "out", "--no-duplicates", "--copies")
    run("clean", path, "--dry-run")  # whatever is imported
    tracemalloc.start()
    run(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 30_000_000
    assert peak < 10_000_000


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"{n} a\tb {n}\n" for n in range(300_000)))
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "seq2seq", "clean", str(path), "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's job ignores it
    )
    while not (out / "a.tsv.tmp").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"interrupted\n")
    assert not out.exists()
