"""ARPA files, read line by line: what stands in each, and what other programs do to it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
import re
import warnings
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seq2seq.data.readers.file_kinds import DAMAGE, open_decompressed
from seq2seq.data.readers.lines import iter_lines, missing_file
from seq2seq.data.vocabulary import BOS, BOS_ID, EOS, EOS_ID, SPECIAL_TOKENS, UNK, UNK_ID, Vocab
from seq2seq.errors import DataError
from seq2seq.models.ngram.counts import Flags, Ints
from seq2seq.models.ngram.model import Level, NGramModel
from seq2seq.models.ngram.smoothing import Floats
from seq2seq.models.ngram.tables import NEVER_PREDICTED, Table

ARPA_NAMES = {UNK: "<unk>", BOS: "<s>", EOS: "</s>"}
"""What the special tokens are called in ARPA files."""

TOKENS_BY_NAME = {**{name: token for token, name in ARPA_NAMES.items()}, "<UNK>": UNK}

LOG_ZERO = -99.0

ROUNDING = 1e-3
"""The largest logarithm that is read as 0: other programs round probabilities of 1 to above it."""

LEFT_OUT = -1
"""In place of the id of a token that is not in the vocabulary."""

OPEN: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
"""How compressed files are opened to be written, by ending."""

BINARY = (b"mmap lm", b"SRILM_BINARY")
"""What the binary files of KenLM and of SRILM begin with."""


class VocabularyWarning(UserWarning):
    """An ARPA file and the vocabulary given with it have not the same tokens."""


class Section(NamedTuple):
    """The n-grams of one length, in the order of the file.

    Attributes:
        lines: the number of each one's line, ``(ngrams,)``.
        ids: ``(ngrams, length)``.
        log_probs: decimal, ``(ngrams,)``, as are the backoffs.
    """

    lines: Ints
    ids: Ints
    log_probs: Floats
    backoffs: Floats


class ArpaReader:
    """An ARPA file that is read line by line."""

    def __init__(self, path: Path, vocab: Vocab | None) -> None:
        self.path = path
        self.lines = self.numbered_lines()
        self.number = 0  # of the last line that was read
        self.title = ""  # the last one that was read; "" at the end of the file
        self.given = vocab
        self.tokens = list(SPECIAL_TOKENS)  # of the file, by id, if no vocabulary is given
        self.ids: dict[str, int] = {}  # by the name in the file

    def numbered_lines(self) -> Iterator[str]:
        """Yields the lines; `number` is that of the last one."""
        try:
            with self.path.open("rb") as raw:
                if raw.read(12).startswith(BINARY):
                    raise DataError(f"{self.path} is binary: give the ARPA file it was made from")
            with open_decompressed(self.path) as stream:
                for line in iter_lines(stream, str(self.path)):
                    self.number += 1
                    yield line
        except FileNotFoundError as error:
            raise missing_file(self.path) from error
        except DAMAGE as error:
            raise DataError(f"can't read {self.path}: {error}; fetch it again") from error

    def error(self, problem: str, number: int | None = None) -> DataError:
        """Returns the error of a line; of the last one unless another is given."""
        return DataError(f"{self.path}:{number or max(self.number, 1)}: {problem}")

    def read(self) -> NGramModel:
        """Reads the model, and sets `vocab`."""
        sizes = self.header()
        tables: list[Table] = []
        for length, size in enumerate(sizes, 1):
            section = self.section(length, size, last=length == len(sizes))
            tables.append(self.longer(section, tables) if tables else self.unigrams(section))
        self.expect("\\end\\")
        return NGramModel(tables)

    def header(self) -> list[int]:
        """Reads how many n-grams there are of each length, and the first title."""
        if not any(line.strip() == "\\data\\" for line in self.lines):
            raise self.error("this is no ARPA file: it has no line \\data\\")
        sizes: list[int] = []
        for line in map(str.strip, self.lines):
            match = re.fullmatch(r"ngram\s*(\d{1,3})\s*=\s*(\d{1,15})", line)
            if match and int(match[1]) == len(sizes) + 1:
                sizes.append(int(match[2]))
            elif sizes and line.startswith("\\"):
                self.title = line
                return sizes
            elif line:
                raise self.error(f"expected 'ngram {len(sizes) + 1}=…', found {line[:40]!r}")
        raise self.error("the file ends within its header")

    def expect(self, title: str) -> None:
        """Raises DataError unless this title was the last one that was read."""
        if not self.title:
            raise self.error(f"the file ends before {title}: is it cut short?")
        if self.title != title:
            raise self.error(f"expected {title}, found {self.title[:40]!r}")

    def section(self, length: int, size: int, *, last: bool) -> Section:
        """Reads the n-grams of one length. Without n-grams, their title may be missing, too."""
        title = f"\\{length}-grams:"
        if size:
            self.expect(title)
        id_of = self.define if length == 1 else self.look_up
        lines, ids, log_probs, backoffs = array("q"), array("q"), array("d"), array("d")
        for fields in self.rows(length) if self.title == title else ():
            lines.append(self.number)
            log_probs.append(self.logarithm(fields[0], 0.0))
            ids.extend([id_of(name) for name in fields[1 : length + 1]])
            backoff = self.logarithm(fields[-1], -LOG_ZERO) if len(fields) > length + 1 else 0.0
            backoffs.append(0.0 if last else backoff)
        grid = np.array(ids, dtype=np.int64).reshape(len(lines), length)
        possible: Flags = (grid[:, 1:] != BOS_ID).all(axis=1)
        if not possible.sum() <= size <= len(lines):
            raise self.error(f"the header says {size} {length}-grams, and here are {len(lines)}")
        kept = possible & (grid != LEFT_OUT).all(axis=1)
        return Section(*(np.array(each)[kept] for each in (lines, grid, log_probs, backoffs)))

    def rows(self, length: int) -> Iterator[list[str]]:
        """Yields the fields of each line of a section; reads the title after it."""
        self.title = ""
        for line in self.lines:
            fields = [field for field in line.replace("\t", " ").split(" ") if field]
            if fields and fields[0].startswith("\\"):
                self.title = line.strip()
                return
            if len(fields) in (length + 1, length + 2):
                yield fields
            elif fields:
                raise self.error(
                    f"expected a logarithm, {length} tokens and perhaps a backoff weight, found "
                    f"{line[:60]!r}"
                )

    def logarithm(self, text: str, most: float) -> float:
        """Parses a decimal logarithm, at most `most` but for rounding."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not value <= most + ROUNDING:  # as nan isn't
            what = "a backoff weight" if most else "a probability"
            raise self.error(f"{text!r} is not the logarithm of {what}")
        return min(value, most)

    def define(self, name: str) -> int:
        """Returns the id of a token in the first section, where each one stands once."""
        token = TOKENS_BY_NAME.get(name, name)
        if name in self.ids:
            raise self.error(f"{name!r} stands there twice")
        if token == name and name in SPECIAL_TOKENS and name not in TOKENS_BY_NAME:
            raise self.error(f"{name!r} is the name of a special token of ours: rename it")
        if self.given is not None:
            known = token in self.given
            self.ids[name] = self.given[token] if known else LEFT_OUT
        elif token in SPECIAL_TOKENS:
            self.ids[name] = SPECIAL_TOKENS.index(token)
        else:
            self.ids[name] = len(self.tokens)
            self.tokens.append(token)
        return self.ids[name]

    def look_up(self, name: str) -> int:
        """Returns the id of a token in a later section."""
        found = self.ids.get(name)
        if found is None:
            raise self.error(f"{name!r} is not among the 1-grams")
        return found

    def unigrams(self, section: Section) -> Table:
        """Reads the first table: an entry for each token of the vocabulary."""
        self.vocab = self.given or Vocab(self.tokens, [0] * len(self.tokens))
        ids = section.ids[:, 0]
        if EOS_ID not in ids:
            raise self.error("there is no </s> among the 1-grams: no sentence could end")
        if len(np.unique(ids)) < len(ids):
            raise self.error("there are both <unk> and <UNK> among the 1-grams")
        log_probs = torch.full((len(self.vocab),), -math.inf)
        backoffs = torch.zeros(len(self.vocab))
        log_probs[ids], backoffs[ids] = (
            natural_logarithms(section.log_probs),
            natural_logarithms(section.backoffs),
        )
        lacking = np.setdiff1d(np.arange(len(SPECIAL_TOKENS), len(self.vocab)), ids)
        self.compare_vocabularies(self.vocab.tokens(lacking.tolist()), UNK_ID in ids)
        log_probs[lacking], backoffs[lacking] = float(log_probs[UNK_ID]), float(backoffs[UNK_ID])
        log_probs[NEVER_PREDICTED] = -math.inf  # other programs give <s> something
        return Table(torch.arange(len(self.vocab)), log_probs, backoffs)

    def compare_vocabularies(self, lacking: list[str], has_unknown: bool) -> None:
        """Warns of tokens that only one side has: the vocabulary those lacking, or the file.

        Raises:
            DataError: no token is on both sides.
        """
        left_out = [name for name, index in self.ids.items() if index == LEFT_OUT]
        own = len(self.vocab) - len(SPECIAL_TOKENS)
        if (lacking or left_out) and len(lacking) == own:
            raise DataError(
                f"{self.path} has no token of the vocabulary given, but {some_names(left_out)}: "
                "cut its text into the tokens of that vocabulary, and estimate it again"
            )
        if lacking:
            fate = "have the probability of <unk>"
            if not has_unknown:
                fate = "never come, because it has no <unk> either (SRILM writes it with -unk)"
            warnings.warn(
                f"{len(lacking):,} of the {own:,} tokens of the vocabulary are not in {self.path} "
                f"({some_names(lacking)}): they {fate}",
                VocabularyWarning,
                stacklevel=2,
            )
        if left_out:
            warnings.warn(
                f"{len(left_out):,} of the {len(self.ids):,} tokens of {self.path} are not in the "
                f"vocabulary ({some_names(left_out)}): they and their n-grams are left out",
                VocabularyWarning,
                stacklevel=2,
            )

    def longer(self, section: Section, tables: list[Table]) -> Table:
        """Reads the table of longer n-grams; each begins with one of the table before."""
        ids, vocab_size = torch.from_numpy(section.ids), len(self.vocab)
        nodes = ids[:, 0]
        for place, table in enumerate(tables[1:], 1):
            nodes = Level(table).find(nodes * vocab_size + ids[:, place])
        for index in (nodes < 0).nonzero().flatten().tolist()[:1]:
            place = int(section.lines[index])
            raise self.error("the tokens before its last one are not listed", place)
        keys, order = (nodes * vocab_size + ids[:, -1]).sort(stable=True)
        for index in (keys[1:] == keys[:-1]).nonzero().flatten().tolist()[:1]:
            again = int(section.lines[order[index + 1]])
            raise self.error("this n-gram has stood there before", again)
        log_probs, backoffs = (
            natural_logarithms(section.log_probs),
            natural_logarithms(section.backoffs),
        )
        return Table(keys, log_probs[order], backoffs[order])


def some_names(tokens: list[str]) -> str:
    """Names a few of the tokens."""
    return ", ".join(map(repr, tokens[:5])) + ", …" * (len(tokens) > 5)


def natural_logarithms(values: Floats) -> Tensor:
    """Converts decimal logarithms to natural ones, float32; -99 is that of 0."""
    decimal = torch.from_numpy(values)
    return (decimal * math.log(10)).masked_fill(decimal <= LOG_ZERO, -math.inf).float()
