"""Running text for language models: read from files, folders and the Hub, and reduced to letters.

lines = read_monolingual("timemachine.txt")
text = letters_only(lines, lowercase=True)     # one line: "the time machine by h g wells …"
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from seq2seq.config.arguments import check_several
from seq2seq.data.readers.contents import TextColumns
from seq2seq.data.readers.headers import Columns
from seq2seq.data.readers.hub import read_named
from seq2seq.data.readers.lines import TEXT_SUFFIX, ending, read_sentences
from seq2seq.data.readers.tables import TABLE_SUFFIXES, read_columns
from seq2seq.data.tokenizers.normalization import INVISIBLE, normalize
from seq2seq.errors import DataError


def read_monolingual(
    name: str | Path, *, column: str | int | None = None, split: str = "train"
) -> list[str]:
    """Reads lines of text, as they are, empty ones too: between paragraphs they are part of it.

    From a text file, whatever its ending, or from one column of what `ParallelCorpus.read` knows: a
    table, a folder or a dataset on the Hub, compressed or not; an entry is a line, and a folder may
    have .txt files.

    `column` is its name, and then the first line of a TSV or CSV file is a header; or, in these,
    its number from 0, and then a first line that names the text, a source and a target, or
    languages is left out, with a `HeaderWarning`. Without it, it is "text", or else the only column
    (of text). A .txt file with a column is read as TSV.

    Raises:
        DataError: there is no text, or some that can't be used as it is (with file and line).
        SettingsError: the column is impossible.
    """
    columns = Columns(("text",), None if column is None else (column,))
    suffixes = (TEXT_SUFFIX, *TABLE_SUFFIXES)
    (lines,) = read_named(str(name), columns, split, _read_file, suffixes).texts
    if not any(line.strip() for line in lines):
        raise DataError(f"{name} has no text; is it the right file?")
    return lines


def _read_file(path: Path, columns: Columns) -> TextColumns:
    """Returns a column of a table, or the lines of any other file."""
    if ending(path.name, TABLE_SUFFIXES) or columns.given is not None:
        return read_columns(path, columns)
    return TextColumns([read_sentences(path)])


def letters_only(lines: Iterable[str], *, lowercase: bool = False) -> list[str]:
    """Returns the text as one line of letters, with a space for everything between them.

    As in Dive into Deep Learning, section 9.2, but for every script: letters are what Unicode says
    (category L), in the form NFC; the marks that belong to them (category M, and the invisible
    characters inside words) stay with them. Line ends are spaces like the rest.

    Raises:
        DataError: there are no letters, or it is a single text and not a list of lines.
    """
    check_several(lines, "lines", "a list of strings")
    text = normalize(" ".join(lines), lowercase=lowercase)
    different = set(text)
    marks = "".join(c for c in different if unicodedata.category(c)[0] == "M" or c in INVISIBLE)
    others = {c for c in different if unicodedata.category(c)[0] != "L"} - set(marks)
    runs = text.translate({ord(c): " " for c in others}).split()
    # A mark at the beginning belonged to what is gone, as to the digit of a keycap.
    words = [word for run in runs if (word := run.lstrip(marks).rstrip(INVISIBLE))]
    if not words:
        raise DataError("there are no letters in the text; is it the right file?")
    return [" ".join(words)]
