"""Pretrained word vectors: the text format of word2vec, fastText (.vec) and GloVe.

A line has a word and its numbers, between single spaces; the first line may say instead how many
words there are, and how many numbers each has. Files have millions of lines: they are read line by
line, and only what is wanted is looked at closely.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seq2seq.data.readers.file_kinds import DAMAGE, kind_of, open_decompressed
from seq2seq.data.readers.lines import missing_file
from seq2seq.data.tokenizers.normalization import JOINER, SPACE, unescape
from seq2seq.data.vocabulary import SPECIAL_TOKENS, Vocab
from seq2seq.errors import DataError

MAX_LINE = 2**20
"""Bytes: no word is as long with its numbers."""


class WordVectors(NamedTuple):
    """The vectors of those tokens of a vocabulary that a file has.

    Attributes:
        ids: of the tokens.
        rows: their vectors, ``(tokens, width)``.
    """

    ids: list[int]
    rows: NDArray[np.float32]


class Header(NamedTuple):
    """What the first line says.

    Attributes:
        width: how many numbers a vector has.
        words: how many words there are; None: it does not say, but has the first word.
    """

    width: int
    words: int | None


def read_vectors(path: str, vocab: Vocab) -> WordVectors:
    """Reads the vectors of a vocabulary's tokens.

    A token has the vector of its own spelling, as files of pieces have it; or else of its word,
    without the marks of spaces; or else of the word in lower case. Of two lines for a word, the
    first counts.

    Raises:
        DataError: the file is missing, damaged, or not of this kind; with the number of the line.
    """
    wanted = spellings(vocab)
    found: dict[int, tuple[int, NDArray[np.float32]]] = {}
    header, number = Header(0, None), 0
    for number, line in numbered_lines(path):
        place = f"{path}:{number}"
        if number == 1:
            header = read_header(line, place)
            if header.words is not None:
                continue
        word, numbers = split_line(line, header.width, place)
        for rank, index in wanted.get(word, ()):
            if index not in found or rank < found[index][0]:
                found[index] = (rank, parse_numbers(numbers, place))
    if not number:
        raise DataError(f"{path} is empty: it has no vectors")
    if header.words not in (None, number - 1):
        raise DataError(
            f"{path}:1 says that there are {header.words:,} words, and there are {number - 1:,}: "
            "the file is cut short or was changed; fetch it again"
        )
    rows = np.array([row for _, row in found.values()], dtype=np.float32)
    return WordVectors([*found], rows.reshape(len(found), header.width))


def vector_width(path: str) -> int:
    """Returns how many numbers the vectors of a file have; raises as `read_vectors`."""
    for number, line in numbered_lines(path):
        return read_header(line, f"{path}:{number}").width
    raise DataError(f"{path} is empty: it has no vectors")


def spellings(vocab: Vocab) -> dict[bytes, list[tuple[int, int]]]:
    """Returns the words that tokens take their vectors from, in UTF-8: (rank, id) of the tokens."""
    wanted: dict[bytes, list[tuple[int, int]]] = {}
    for index, token in enumerate(vocab):
        word = unescape(token.strip(SPACE + JOINER))
        forms = () if token in SPECIAL_TOKENS else (token, word, word.lower())
        for rank, form in enumerate(dict.fromkeys(filter(None, forms))):
            wanted.setdefault(form.encode(), []).append((rank, index))
    return wanted


def numbered_lines(path: str) -> Iterator[tuple[int, bytes]]:
    """Yields the lines of a file, compressed or not, without their ends, with their numbers."""
    number = 0
    try:
        with open_decompressed(Path(path)) as stream:
            while line := stream.readline(MAX_LINE):
                number += 1
                if number == 1 and (kind := kind_of(line)):
                    raise DataError(f"{path} is {kind}")
                yield number, line.rstrip()
    except FileNotFoundError as error:
        raise missing_file(Path(path)) from error
    except DAMAGE as error:
        raise DataError(f"{path}:{number + 1}: can't be read, or is damaged: {error}") from error


def read_header(line: bytes, place: str) -> Header:
    """Returns what the first line says; raises DataError if it is impossible."""
    fields = line.split(b" ")
    if len(fields) == 2 and all(field.isdigit() and len(field) < 19 for field in fields):
        words, width = map(int, fields)
        if not 1 <= width < MAX_LINE:
            raise DataError(f"{place} says that a vector has {width:,} numbers: is it whole?")
        return Header(width, words)
    parse_numbers(b" ".join(fields[1:]), place)
    return Header(len(fields) - 1, None)


def split_line(line: bytes, width: int, place: str) -> tuple[bytes, bytes]:
    """Returns the word of a line, and its numbers as they stand; DataError if they are not as many.

    Only what GloVe has as a word may have a space in it, as "at example.org".
    """
    extra = line.count(b" ") - width
    if not extra:
        word, _, numbers = line.partition(b" ")
        return word, numbers
    fields = line.split(b" ")
    if extra < 0 or is_number(fields[extra]):
        raise DataError(
            f"{place}: {len(fields) - 1:,} numbers after the word, and there must be {width:,}: "
            "is it the text format of word2vec, fastText or GloVe, and whole?"
        )
    return b" ".join(fields[: extra + 1]), b" ".join(fields[extra + 1 :])


def is_number(field: bytes) -> bool:
    """Whether a field is one."""
    try:
        float(field)
    except ValueError:
        return False
    return True


def parse_numbers(numbers: bytes, place: str) -> NDArray[np.float32]:
    """Returns finite numbers; raises DataError, with the line's place, if they are none."""
    try:
        values = np.array([float(field) for field in numbers.split(b" ")])
    except ValueError as error:
        raise DataError(f"{place}: after the word there is something else than numbers") from error
    with np.errstate(over="ignore"):
        row = values.astype(np.float32)
    if not np.isfinite(row).all():
        raise DataError(f"{place}: there is a number that is not finite in 32 bits")
    return row
