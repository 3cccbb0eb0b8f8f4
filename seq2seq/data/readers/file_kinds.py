"""What the bytes of a file are: compressed, UTF-16, or no text at all, whatever the file's name.

What is compressed is unpacked while it is read. Archives, pictures and other files that are no text
are told by name, for some of their bytes are valid UTF-8 and would be learnt from in silence.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import tarfile
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from seq2seq.errors import DataError


class Compression(NamedTuple):
    """A compressed format.

    Attributes:
        name: what messages call it.
        begins: matches the first bytes of such a file.
        open: makes of a compressed binary stream one that is unpacked.
        create: makes of a binary stream one that compresses what is written to it.
        unpack: the command that unpacks a stream.
    """

    name: str
    begins: re.Pattern[bytes]
    open: Callable[[Any], Any]
    create: Callable[[Any], Any]
    unpack: str


def _open_zstd(stream: BinaryIO) -> BinaryIO:
    import pyarrow  # slow to import; `datasets` brings it

    return io.BufferedReader(pyarrow.CompressedInputStream(stream, "zstd"))


def _create_zstd(stream: BinaryIO) -> Any:
    import pyarrow

    return pyarrow.CompressedOutputStream(stream, "zstd")


def _create_gzip(stream: BinaryIO) -> gzip.GzipFile:
    """Writes neither name nor time, so that the same text is always the same file."""
    return gzip.GzipFile("", "wb", fileobj=stream, mtime=0)


COMPRESSIONS = {
    ".gz": Compression("gzip", re.compile(rb"\x1f\x8b"), gzip.open, _create_gzip, "gzip -dc"),
    ".bz2": Compression(
        "bzip2",
        re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
        bz2.open,
        partial(bz2.open, mode="wb"),
        "bzip2 -dc",
    ),
    ".xz": Compression(
        "xz", re.compile(rb"\xfd7zXZ\0"), lzma.open, partial(lzma.open, mode="wb"), "xz -dc"
    ),
    ".lzma": Compression(
        "lzma",
        re.compile(rb"(?s)]\0\0..(\xff{8}|.{5}\0\0\0)"),
        lzma.open,
        partial(lzma.open, mode="wb", format=lzma.FORMAT_ALONE),
        "xz -dc",
    ),
    ".zst": Compression(
        "Zstandard",
        re.compile(rb"(?s)\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18.{4}"),
        _open_zstd,
        _create_zstd,
        "zstd -dc",
    ),
}
"""The compressed formats that are read, by the endings of their files."""

DAMAGE = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)
"""What unpacking raises when a file is damaged."""

_OFFICE = rb"PK\x03\x04.{26}(\[Content_Types\]|_rels/|docProps/|word/|xl/|ppt/|mimetype)"
_EXPORT = "save it as plain text (a table as CSV) in the program that opens it"
_CONVERT = "save its text in a plain text file (UTF-8)"
_UNPACK = "unpack it, and give the file inside"
_KINDS = [
    (re.compile(rb"(?s)" + pattern), what, advice)
    for pattern, what, advice in (
        (_OFFICE, "an office document", _EXPORT),
        (rb"\xd0\xcf\x11\xe0\xa1\xb1", "an office document", _EXPORT),
        (rb"\{\\rtf", "an RTF document", _EXPORT),
        (rb"%PDF-|%!PS-Adobe", "a PDF or PostScript document", _CONVERT),
        (rb"PK(\x03\x04|\x05\x06|\x07\x08)", "a ZIP archive", f"{_UNPACK} (unzip FILE)"),
        (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", f"{_UNPACK} (7z x FILE)"),
        (rb"Rar!\x1a\x07", "a RAR archive", f"{_UNPACK} (unrar x FILE)"),
        (rb"\x1f[\x9d\xa0]", "compressed with compress", "unpack it (uncompress -c FILE)"),
        (rb"LZIP[\0\1]", "compressed with lzip", "unpack it (lzip -dc FILE)"),
        (rb"\x04\x22\x4d\x18|\x02\x21\x4c\x18", "compressed with lz4", "unpack it (lz4 -dc FILE)"),
        (rb"\xff\x06\0\0sNaPpY", "compressed with Snappy", "unpack it"),
        (rb"\xed\xab\xee\xdb|!<arch>\n|MSCF\0|07070[127][0-9A-Fa-f]{20}", "an archive", _UNPACK),
        (rb"PAR[1E]\x15", "a Parquet file", "its name must end in .parquet"),
        (rb"ARROW1\0\0|FEA1.{0,9}\0|\xff{4}.{3}\0", "an Arrow file", "write it as Parquet"),
        (rb"ORC.{0,4}[\0-\x08]|Obj\x01", "an ORC or Avro file", "write it as Parquet"),
        (rb"SQLite format 3\0", "an SQLite database", "export the table as CSV"),
        (rb"\x80[\x02-\x05][\x95}\](cX]", "a Python pickle", _CONVERT),
        (rb"\x93NUMPY|\x89HDF\r\n|MATLAB 5.0 MAT", "a file of numbers", _CONVERT),
        (rb".{5}\0\0\0\{\"", "a safetensors file", "give the text, not the weights"),
        (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a.{0,80}\0|BM.{4}\0{4}|II\*\0|MM\0\*", "a picture", ""),
        (rb"RIFF.{4}WEBP|\0\0[\1\2]\0.\0|8BPS\0|\0\0..ftyp(avif|heic|mif1)", "a picture", ""),
        (rb"RIFF.{4}WAVE|ID3[\2-\4]\0|fLaC\0|OggS\0|FORM.{4}AIF|\xff[\xf2-\xfb][^\0]", "audio", ""),
        (rb"\0\0..ftyp|RIFF.{4}AVI |\x1aE\xdf\xa3|FLV\x01", "a video", ""),
        (rb"\x7fELF|MZ.\0|\0asm\x01\0|\xca\xfe\xba\xbe|[\xce\xcf]\xfa\xed\xfe", "a program", ""),
        (rb"wOF[F2](\0\x01\0\0|OTTO)|OTTO\0|\0\x01\0\0\0", "a font", ""),
        (rb"version https://git-lfs\.", "a pointer of Git LFS, not the file", "git lfs pull"),
    )
]
"""How files begin that are no text, what they are, and what to do."""

_MARKS = {  # UTF-32 first: its mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_SAMPLE = 2**16
_MAX_NULS = 10
_CONTROLS = bytes({*range(32), 127} - {*b"\t\n\v\f\r\x1b"})


def decompress(data: bytes, name: str) -> bytes:
    """Returns the bytes of a file, unpacked if they are compressed.

    Raises:
        DataError: they are damaged, or not compressed though the file's name says so.
    """
    compression = compression_of(data)
    if compression is not None:
        try:
            with compression.open(io.BytesIO(data)) as stream:
                return bytes(stream.read())
        except DAMAGE as error:
            raise damaged(name, error) from error
    check_compression(data, name)
    return data


def damaged(name: str, error: BaseException) -> DataError:
    """Returns the error for a compressed file that can't be unpacked to its end."""
    return DataError(f"{name} is cut short or damaged ({error}); fetch or compress it again")


def check_compression(data: bytes, name: str) -> None:
    """Raises DataError if a file's name says that it is compressed, and its first bytes don't."""
    if compression_of(data) is not None:
        return
    said = COMPRESSIONS.get(Path(name).suffix.lower())
    if said is not None:
        what = kind_of(data)
        raise DataError(
            f"{name} is not {said.name}, though its name says so"
            + (f": it is {what}" if what else "; rename it or fetch it again")
        )


@contextmanager
def open_decompressed(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for reading as bytes, unpacked if it is compressed; raises what reading does."""
    with path.open("rb") as raw:
        compression = compression_of(raw.read(32))
        raw.seek(0)
        if compression is None:
            yield raw
            return
        with compression.open(raw) as stream:
            yield stream


def compression_of(data: bytes) -> Compression | None:
    """Returns what the bytes at the beginning of a file are compressed with, if they are."""
    return next((each for each in COMPRESSIONS.values() if each.begins.match(data)), None)


def strip_compression(name: str) -> str:
    """Returns a file's name in lower case, without an ending such as .gz."""
    name = name.lower()
    return next((name.removesuffix(end) for end in COMPRESSIONS if name.endswith(end)), name)


def kind_of(data: bytes) -> str:
    """Returns what bytes are that are no UTF-8 text, and what to do; "" for what may be text.

    As in "a ZIP archive: unpack it (unzip FILE)". The beginning of a file is enough.
    """
    if compression := compression_of(data):
        return f"{compression.name}: unpack it ({compression.unpack} FILE)"
    for begins, what, advice in _KINDS:
        if begins.match(data[:200]):
            return f"{what}: {advice or 'it is no text, give another file'}"
    if _is_tar(data):
        return f"a tar archive: {_UNPACK} (tar xf FILE)"
    encoding = next((code for mark, code in _MARKS.items() if data.startswith(mark)), "")
    if encoding := encoding or _encoding_without_mark(data):
        name = encoding[:6].upper()
        return f"{name}: convert it (iconv -f {encoding} -t utf-8 FILE)"
    nuls = data.count(0)
    if nuls > max(_MAX_NULS, len(data) // 4):
        return f"no text: {nuls:,} of {len(data):,} bytes are 0; is it the right file?"
    return ""


def _is_tar(data: bytes) -> bool:
    """Whether a tar archive begins here: it has a checksum of its header."""
    try:
        tarfile.TarInfo.frombuf(data[:512], "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return data[257:262] == b"ustar"
    return True


def _encoding_without_mark(data: bytes) -> str:
    """Returns which of UTF-16 and UTF-32 a text is without a byte order mark; "" if none.

    Much of it is valid UTF-8 with NUL in it: half of all bytes for Latin letters, one in ten (of
    spaces and line ends) for others. So it is what gives readable characters in that encoding only.
    """
    sample = data[:_SAMPLE]
    if sample.count(0) < 2:
        return ""
    readable: dict[str, int] = {}
    for encoding in ("utf-32le", "utf-32be", "utf-16le", "utf-16be"):
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(sample)
        except UnicodeDecodeError:
            continue
        odd = sum(unicodedata.category(c) in ("Cc", "Cn", "Co") for c in text if c not in "\t\r\n")
        ascii_letters = sum(c < "\x80" for c in text)
        if ascii_letters > 1 and 100 * odd <= len(text):
            readable[encoding] = ascii_letters
    return max(readable, key=readable.__getitem__, default="")


def advice_for(data: bytes, wrong: int) -> str:
    """Returns what to do about bytes that may be text, but are no valid UTF-8 at `wrong`."""
    around = data[max(0, wrong - _SAMPLE) : wrong + _SAMPLE]
    controls = len(around) - len(around.translate(None, _CONTROLS))
    if 100 * controls > len(around):
        return "it seems to be no text; is it the right file?"
    if not data[:wrong].isascii():
        return "all before it is UTF-8, so the text is damaged here: mend or remove the line"
    return "convert it (iconv -f cp1252 -t utf-8 is often right)"
