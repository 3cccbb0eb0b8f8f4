"""What is compressed is read, and what is no text is told, whatever the file is called."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.monolingual import read_monolingual
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.file_kinds import COMPRESSIONS, kind_of, open_decompressed
from seq2seq.data.readers.lines import arriving_lines, iter_lines, read_lines
from seq2seq.errors import DataError

LINES = ["Où est-il ?", "", "我们吃。", "x" * 3000]
TEXT = "".join(f"{line}\n" for line in LINES).encode()


def zstd(data: bytes) -> bytes:
    import pyarrow

    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def lzma_alone(data: bytes) -> bytes:
    return lzma.compress(data, lzma.FORMAT_ALONE)


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".lzma": lzma_alone,
    ".zst": zstd,
}


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


# ---------------------------------------------------------------------------------------------
# compressed


def test_every_compression_is_tested_here() -> None:
    assert COMPRESS.keys() == COMPRESSIONS.keys()


@pytest.mark.parametrize("end", COMPRESS)
def test_compressed_lines_are_read(tmp_path: Path, end: str) -> None:
    """Also under another name, in several parts, and empty."""
    packed = COMPRESS[end](TEXT)
    for name in (f"a.en{end}", f"A.EN{end.upper()}", "a.en"):
        path = write(tmp_path / name, packed)
        assert read_lines(path) == read_monolingual(path) == LINES
        assert ParallelCorpus.read(path, path).sources == LINES
        with open_decompressed(path) as stream:
            assert list(iter_lines(stream, "stream")) == LINES
    assert read_lines(io.BytesIO(packed)) == LINES
    assert read_lines(write(tmp_path / f"empty{end}", COMPRESS[end](b""))) == []
    if end != ".lzma":  # which can't be joined
        assert read_lines(write(tmp_path / "two", packed + packed)) == LINES * 2


TABLES = {
    ".tsv": b"source\ttarget\nGo.\tVa !\nHi.\tSalut !\n",
    ".csv": b"source,target\nGo.,Va !\nHi.,Salut !\n",
    ".jsonl": b'{"source": "Go.", "target": "Va !"}\n{"source": "Hi.", "target": "Salut !"}\n',
    ".json": b'[{"source": "Go.", "target": "Va !"}, {"source": "Hi.", "target": "Salut !"}]',
}
PAIRS = [("Go.", "Va !"), ("Hi.", "Salut !")]


@pytest.mark.parametrize("end", COMPRESS)
@pytest.mark.parametrize("kind", TABLES)
def test_compressed_tables_are_read(tmp_path: Path, kind: str, end: str) -> None:
    path = write(tmp_path / f"train{kind}{end}", COMPRESS[end](TABLES[kind]))
    for name in (path, tmp_path):  # and as a folder
        assert list(ParallelCorpus.read(name)) == PAIRS
        assert read_monolingual(name, column="target") == ["Va !", "Salut !"]


@pytest.mark.parametrize("end", COMPRESS)
def test_damaged_compressed_files_are_named(tmp_path: Path, end: str) -> None:
    packed = COMPRESS[end](TEXT)
    with pytest.raises(DataError, match=rf"cut{end} is cut short or damaged"):
        read_lines(write(tmp_path / f"cut{end}", packed[: len(packed) * 2 // 3]))
    plain = write(tmp_path / f"plain.txt{end}", TEXT)
    with pytest.raises(DataError, match=rf"plain\.txt{end} is not {COMPRESSIONS[end].name}, thoug"):
        read_lines(plain)
    with pytest.raises(DataError, match=rf"{end} is not .*: it is a ZIP archive"):
        read_lines(write(plain, b"PK\x03\x04" + bytes(60)))


@pytest.mark.parametrize("end", COMPRESS)
def test_compressed_text_on_a_pipe_is_told(end: str) -> None:
    packed = COMPRESS[end](TEXT)
    expected = rf"pipe:1: it is {COMPRESSIONS[end].name}: unpack it \("
    with pytest.raises(DataError, match=expected):
        list(iter_lines(io.BytesIO(packed), "pipe"))
    with pytest.raises(DataError, match=expected):
        list(arriving_lines(io.BufferedReader(io.BytesIO(packed)), "pipe"))


# ---------------------------------------------------------------------------------------------
# no text


def tar(data: bytes = TEXT, form: int = tarfile.GNU_FORMAT) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        info = tarfile.TarInfo("c.en")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def old_tar() -> bytes:
    """One without "ustar", as of 1979: the checksum alone tells it."""
    header = bytearray(tar()[:512])
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:155] = f"{sum(header):06o}\0".encode()
    return bytes(header) + tar()[512:]


def zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, TEXT)
    return file.getvalue()


def sqlite(folder: Path) -> bytes:
    path = folder / "database"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE pairs (en, fr)")
    connection.commit()
    connection.close()
    return path.read_bytes()


def parquet() -> bytes:
    import pyarrow
    from pyarrow import parquet

    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table({"en": ["Go."], "fr": ["Va !"]}), sink)
    data: bytes = sink.getvalue().to_pybytes()
    return data


BINARY: dict[str, tuple[bytes, str]] = {
    "tar": (tar(), r"a tar archive: unpack it, and give the file inside \(tar xf .*a\.\w+\)"),
    "pax": (tar(form=tarfile.PAX_FORMAT), "a tar archive"),
    "old tar": (old_tar(), "a tar archive"),
    "zip": (zipped("c.en"), r"a ZIP archive: unpack it, .*\(unzip "),
    "empty zip": (b"PK\x05\x06" + bytes(18), "a ZIP archive"),
    "docx": (zipped("[Content_Types].xml"), "an office document: save it as plain text"),
    "odt": (zipped("mimetype"), "an office document"),
    "doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "an office document"),
    "rtf": (rb"{\rtf1\ansi Go.\par}" + b"\n", "an RTF document"),
    "pdf": (b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\n", "a PDF"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(30), "a 7z archive"),
    "rar": (b"Rar!\x1a\x07\x01\0" + bytes(30), "a RAR archive"),
    "compress": (b"\x1f\x9d\x90abc", "compressed with compress: unpack it"),
    "lz4": (b"\x04\x22\x4d\x18abc", "compressed with lz4"),
    "parquet": (parquet(), r"a Parquet file: its name must end in \.parquet"),
    "pickle 2": (pickle.dumps(["Go."], 2), "a Python pickle"),
    "pickle 5": (pickle.dumps(["Go."] * 9, 5), "a Python pickle"),
    "numpy": (b"\x93NUMPY\1\0v\0{'descr': '<f8'}\n", "a file of numbers"),
    "safetensors": (struct.pack("<Q", 30) + b'{"a": 1}' + bytes(30), "a safetensors file"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture"),
    "jpeg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture"),
    "gif": (b"GIF89a\x01\0\x01\0\0\0\0", "a picture"),
    "wav": (b"RIFF\x24\0\0\0WAVEfmt ", "audio"),
    "mp3": (b"ID3\x04\0\0\0\0\0\0", "audio"),
    "mp4": (b"\0\0\0\x18ftypmp42", "a video"),
    "program": (b"\x7fELF\x02\1\1\0", "a program"),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "a pointer of Git LFS, .*: git lfs pull",
    ),
    "zeros": (bytes(100), "no text: 100 of 100 bytes are 0"),
}


@pytest.mark.parametrize("kind", BINARY)
@pytest.mark.parametrize("end", ["", ".gz", ".zst"])
def test_what_is_no_text_is_told(tmp_path: Path, kind: str, end: str) -> None:
    """Plain or compressed (as a .tgz), as lines, in tables and on a pipe: never to be converted."""
    data, expected = BINARY[kind]
    packed = COMPRESS[end](data) if end else data
    good = write(tmp_path / "good", TEXT)
    for name in ("a.en", "a.tgz", "a.txt", "a.tsv", "a.csv", "a.jsonl"):
        path = write(tmp_path / name, packed)
        for arguments in ([path], [path, good], [good, path]):
            with pytest.raises(DataError, match=rf"{name} is {expected}") as told:
                ParallelCorpus.read(*arguments)
            assert "iconv" not in str(told.value)
        with pytest.raises(DataError, match=rf"{name} is {expected}"):
            read_monolingual(path)
    for lines in (
        iter_lines(io.BytesIO(data), "pipe"),
        arriving_lines(io.BufferedReader(io.BytesIO(data)), "pipe"),
    ):
        with pytest.raises(DataError, match=r"pipe:1: it is "):
            next(lines)
    if kind != "parquet":
        with pytest.raises(DataError, match=r"can't read .*a\.parquet as Parquet: it is "):
            ParallelCorpus.read(write(tmp_path / "a.parquet", packed))


def test_a_database_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", sqlite(tmp_path))
    with pytest.raises(DataError, match=r"a\.txt is an SQLite database: export the table as CSV"):
        read_monolingual(path)


@given(st.binary(min_size=200, max_size=400).filter(lambda data: any(byte > 127 for byte in data)))
def test_unknown_bytes_are_not_to_be_converted(data: bytes) -> None:
    """As of formats that nobody has thought of: controls are what text has not."""
    data = b"\xab" + bytes(range(1, 9)) + data
    with pytest.raises(DataError) as told:
        read_lines(io.BytesIO(data))
    assert "cp1252" not in str(told.value)


@pytest.mark.parametrize("encoding", ["latin1", "cp1252", "shift_jis", "gb18030", "koi8-r", "big5"])
def test_text_of_another_encoding_is_to_be_converted(tmp_path: Path, encoding: str) -> None:
    text = {"latin1": "été", "cp1252": "l’été", "koi8-r": "лето"}.get(encoding, "夏天")
    path = write(tmp_path / "a.txt", f"Go.\n{text}\n".encode(encoding))
    with pytest.raises(DataError, match=r"a\.txt:2: not valid UTF-8: .*; convert it") as told:
        read_lines(path)
    if encoding in ("latin1", "cp1252"):  # as latin1, a curly apostrophe would be a control
        advised = str(told.value).partition("(iconv -f ")[2].split()[0]
        assert path.read_bytes().decode(advised) == f"Go.\n{text}\n"
    damaged = write(tmp_path / "a.txt", f"{text}\n{text}".encode()[:-1])
    with pytest.raises(DataError, match=r"a\.txt:2: .* all before it is UTF-8, .* mend or remove"):
        read_lines(damaged)


ENCODINGS = [f"utf-{width}{end}" for width in (16, 32) for end in ("", "-le", "-be")]
SPOKEN = {
    "English": "Go home.\tVa !\nHi, you.\tSalut !\n",
    "Russian": "Иди домой.\tКуда ты идёшь?\nПривет, мой друг.\tЯ иду домой.\n",
    "Chinese": "我们 回家。\t你 好。\n他 在 哪里？\t他 在 家。\n",
    "short": "Go\nHi\n",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("language", SPOKEN)
def test_utf16_and_utf32_are_told(tmp_path: Path, encoding: str, language: str) -> None:
    """Without its mark, much of it is valid UTF-8 with zeros."""
    data = SPOKEN[language].encode(encoding)
    name = encoding.replace("-le", "le").replace("-be", "be")  # as iconv has it
    expected = rf"is UTF-{encoding[4:6]}: convert it \(iconv -f {name} "
    for name in ("a.en", "a.txt.gz", "a.tsv", "a.csv", "a.jsonl"):
        path = write(tmp_path / name, gzip.compress(data) if name.endswith(".gz") else data)
        with pytest.raises(DataError, match=rf"{name} {expected}"):
            read_monolingual(path)
        with pytest.raises(DataError, match=rf"{name} {expected}"):
            ParallelCorpus.read(path, path) if name == "a.en" else ParallelCorpus.read(path)
    with pytest.raises(DataError, match=rf"pipe:1: it {expected}"):
        list(iter_lines(io.BytesIO(data), "pipe"))
    with pytest.raises(DataError, match=rf"pipe:1: it {expected}"):
        list(arriving_lines(io.BufferedReader(io.BytesIO(data)), "pipe"))


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_text_is_text(text: str) -> None:
    """Unless it begins as a known format, which needs characters that no text begins with."""
    data = text.encode()
    known = data[:1] in b"\0\1\2\3\4\5\6\7\x1f\x80" or len(data) < 6
    assert known or not kind_of(data)


def test_words_that_formats_begin_with_are_text(tmp_path: Path) -> None:
    lines = ["BZh is bzip2", "RIFF", "ID3 tags", "PK", "GIF89a", "MZ", "ustar", "BM", "%PDF", "ORC"]
    for line in [
        *lines,
        "PARENTS",
        "wOFF",
        "FORM",
        "OTTO",
        "7z",
        "Rar!",
        "LZIP",
        "PAR1",
        "ARROW1",
        "]",
        "<html>",
        "070701",
    ]:
        assert read_lines(write(tmp_path / "a", f"{line}\nx\n".encode())) == [line, "x"]
    table = json.dumps({"source": "PAR1", "target": "BM"}).encode()
    assert list(ParallelCorpus.read(write(tmp_path / "a.jsonl", table))) == [("PAR1", "BM")]
