"""n-gram models as ARPA files, the text format that KenLM, SRILM and others read and write.

A header with the number of n-grams of each length, then a section for each length. A line is the
decimal logarithm of a probability, a tab, the tokens, and for a context a tab and its backoff
weight, a decimal logarithm, too. bos, eos and unk are called ``<s>``, ``</s>`` and ``<unk>``; pad
has no place in it. -99 stands for the logarithm of 0. Files may be compressed with gzip.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, TextIO, cast

import numpy as np
import torch
from torch import Tensor

from seq2seq.data.readers.lines import iter_lines, missing_file
from seq2seq.data.vocabulary import BOS, BOS_ID, EOS, EOS_ID, PAD_ID, SPECIAL_TOKENS, UNK, Vocab
from seq2seq.errors import DataError
from seq2seq.models.ngram.counts import Ints
from seq2seq.models.ngram.model import Level, NGramModel
from seq2seq.models.ngram.tables import NEVER_PREDICTED, Table
from seq2seq.runs.files import write_atomically

ARPA_NAMES = {UNK: "<unk>", BOS: "<s>", EOS: "</s>"}
"""What the special tokens are called in ARPA files."""

TOKENS_BY_NAME = {**{name: token for token, name in ARPA_NAMES.items()}, "<UNK>": UNK}

LOG_ZERO = -99.0

LINES_CHUNK = 50_000
"""n-grams that are written at a time."""


def write_arpa(path: str | Path, model: NGramModel, vocab: Vocab) -> None:
    """Writes a model to an ARPA file, compressed with gzip if its name ends in .gz.

    Raises:
        DataError: the vocabulary is not the model's, or has a token that can't be written: one
            with white space in it, or with the ARPA name of a special token.
        RunError: the file can't be written.
    """
    path = Path(path)
    names = _names(model, vocab)

    def write(temporary: Path) -> None:
        open_text: Callable[..., TextIO] = gzip.open if path.suffix == ".gz" else open
        with open_text(temporary, "wt", encoding="utf-8", newline="\n") as file:
            _write(file, model, names)

    write_atomically(path, write)


def _names(model: NGramModel, vocab: Vocab) -> list[str]:
    """Returns the tokens' names in the file, by id; DataError if that can't be."""
    if len(vocab) != model.vocab_size:
        raise DataError(
            f"the vocabulary has {len(vocab)} tokens and the model {model.vocab_size}: take the "
            "vocabulary that the model's text was encoded with"
        )
    tokens = vocab.tokens(list(range(len(vocab))))
    for token in tokens[len(SPECIAL_TOKENS) :]:
        if not token or re.search(r"[\0\s]", token, flags=re.ASCII):
            raise DataError(f"token {token!r} can't be written to an ARPA file: it has white space")
        if token in TOKENS_BY_NAME:
            raise DataError(
                f"token {token!r} can't be written to an ARPA file: it is special there"
            )
    return [ARPA_NAMES.get(token, token) for token in tokens]


def _write(file: TextIO, model: NGramModel, names: list[str]) -> None:
    """Writes the header and all sections."""
    kept = [torch.arange(len(model.level(length).keys)) for length in model.lengths]
    kept[0] = kept[0][kept[0] != PAD_ID]
    file.write("\\data\\\n")
    for length, nodes in zip(model.lengths, kept, strict=True):
        file.write(f"ngram {length}={len(nodes)}\n")
    for length, nodes in zip(model.lengths, kept, strict=True):
        level = model.level(length)
        ids = model.ngrams(length)
        file.write(f"\n\\{length}-grams:\n")
        for part in torch.split(nodes, LINES_CHUNK):
            log_probs, backoffs = _decimal(level.log_probs, part), _decimal(level.backoffs, part)
            for row, log_prob, backoff in zip(ids[part].tolist(), log_probs, backoffs, strict=True):
                tail = f"\t{backoff:.8g}" if length < model.order else ""
                file.write(f"{log_prob:.8g}\t{' '.join([names[i] for i in row])}{tail}\n")
    file.write("\n\\end\\\n")


def _decimal(values: Tensor, nodes: Tensor) -> list[float]:
    """Converts natural logarithms to decimal ones."""
    decimal: list[float] = (values[nodes].double() / math.log(10)).clamp(min=LOG_ZERO).tolist()
    return decimal


class Section(NamedTuple):
    """The n-grams of one length, in the order of the file.

    Attributes:
        line: number of the first one's line.
        ids: ``(ngrams, length)``.
        log_probs: decimal, ``(ngrams,)``, as are the backoffs.
    """

    line: int
    ids: Ints
    log_probs: array[float]
    backoffs: array[float]


def read_arpa(path: str | Path, vocab: Vocab | None = None) -> tuple[NGramModel, Vocab]:
    """Reads a model from an ARPA file, plain or gzip, whichever program wrote it.

    Without ``<unk>`` in the file, unknown tokens never come: their log-probability is minus
    infinity.

    Args:
        vocab: the tokens that the file must have, no more and no fewer. Without it, they are the
            file's, in its order after the special ones, with counts of 0.

    Raises:
        DataError: the file is missing or is not as it must be (naming the line), or its tokens are
            not those of `vocab`.
    """
    reader = _Reader(Path(path), vocab)
    return reader.read(), reader.vocab


class _Reader:
    """An ARPA file that is read line by line."""

    def __init__(self, path: Path, vocab: Vocab | None) -> None:
        self.path = path
        self.lines = self.numbered_lines()
        self.number = 0  # of the last line that was read
        self.given = vocab
        self.tokens = list(SPECIAL_TOKENS)  # of the file, by id, if no vocabulary is given
        self.ids: dict[str, int] = {}  # by the name in the file

    def numbered_lines(self) -> Iterator[str]:
        """Yields the lines; `number` is that of the last one."""
        try:
            with self.path.open("rb") as raw:
                packed = raw.read(2) == b"\x1f\x8b"
                raw.seek(0)
                with gzip.open(raw) if packed else nullcontext(raw) as stream:
                    for line in iter_lines(cast(BinaryIO, stream), str(self.path)):
                        self.number += 1
                        yield line
        except FileNotFoundError as error:
            raise missing_file(self.path) from error
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"can't read {self.path}: {error}; fetch it again") from error

    def error(self, problem: str, number: int | None = None) -> DataError:
        """Returns the error of a line; of the last one unless another is given."""
        return DataError(f"{self.path}:{number or self.number}: {problem}")

    def read(self) -> NGramModel:
        """Reads the model, and sets `vocab`."""
        sizes = self.header()
        tables: list[Table] = []
        for length, size in enumerate(sizes, 1):
            section = self.section(length, size, last=length == len(sizes))
            tables.append(self.longer(section, tables) if tables else self.unigrams(section))
        self.expect("\\end\\")
        return NGramModel(tables)

    def expect(self, title: str) -> None:
        """Reads on to a title, which must be the next line that isn't blank."""
        found = next((line.strip() for line in self.lines if line.strip()), "")  # "" at the end
        if found != title:
            more = ": more n-grams than its header says" if re.match(r"[-+\d.]", found) else ""
            raise self.error(f"expected {title}, found {found[:40]!r}{more}")

    def header(self) -> list[int]:
        """Reads how many n-grams there are of each length."""
        for line in self.lines:
            if line.strip() == "\\data\\":
                break
        else:
            raise self.error("this is no ARPA file: it has no line \\data\\")
        sizes: list[int] = []
        for line in self.lines:
            if not line.strip():
                if sizes:
                    return sizes
                continue
            match = re.fullmatch(r"ngram\s*(\d{1,3})\s*=\s*(\d{1,15})", line.strip())
            if not match or int(match[1]) != len(sizes) + 1:
                raise self.error(f"expected 'ngram {len(sizes) + 1}=…', found {line[:40]!r}")
            sizes.append(int(match[2]))
        raise self.error("the file ends within its header")

    def section(self, length: int, size: int, *, last: bool) -> Section:
        """Reads the n-grams of one length."""
        self.expect(f"\\{length}-grams:")
        first = self.number + 1
        id_of = self.define if length == 1 else self.look_up
        ids, log_probs, backoffs = array("q"), array("d"), array("d")
        for line in islice(self.lines, size):
            fields = line.replace("\t", " ").split(" ")
            if "" in fields:
                fields = [field for field in fields if field]
            if len(fields) not in (length + 1, length + 2):
                raise self.error(
                    f"expected a logarithm, {length} tokens and perhaps a backoff weight, found "
                    f"{line[:60]!r} (the header says {size} {length}-grams)"
                )
            log_probs.append(self.logarithm(fields[0], 0.0))
            ids.extend([id_of(name) for name in fields[1 : length + 1]])
            backoff = self.logarithm(fields[-1], -LOG_ZERO) if len(fields) > length + 1 else 0.0
            backoffs.append(0.0 if last else backoff)
        if len(log_probs) < size:
            raise self.error(f"the file ends after {len(log_probs)} of {size} {length}-grams")
        return Section(first, np.array(ids).reshape(size, length), log_probs, backoffs)

    def logarithm(self, text: str, most: float) -> float:
        """Parses a decimal logarithm, at most `most`."""
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not value <= most:  # as nan isn't
            what = "a backoff weight" if most else "a probability"
            raise self.error(f"{text!r} is not the logarithm of {what}")
        return value

    def define(self, name: str) -> int:
        """Returns the id of a token in the first section, where each one stands once."""
        token = TOKENS_BY_NAME.get(name, name)
        if name in self.ids:
            raise self.error(f"{name!r} stands there twice")
        if token == name and name in SPECIAL_TOKENS and name not in TOKENS_BY_NAME:
            raise self.error(f"{name!r} is the name of a special token of ours: rename it")
        if self.given is not None:
            if token not in self.given:
                raise self.error(f"{name!r} is not in the vocabulary that was given")
            self.ids[name] = self.given[token]
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
        lacking = sorted(set(range(len(SPECIAL_TOKENS), len(self.vocab))) - set(ids.tolist()))
        if lacking:
            names = ", ".join(repr(self.vocab.tokens(index)) for index in lacking[:5])
            raise self.error(f"not all tokens of the vocabulary are among the 1-grams: {names} …")
        if len(np.unique(ids)) < len(ids):
            raise self.error("there are both <unk> and <UNK> among the 1-grams")
        log_probs = torch.full((len(self.vocab),), -math.inf)
        backoffs = torch.zeros(len(self.vocab))
        log_probs[ids], backoffs[ids] = _natural(section.log_probs), _natural(section.backoffs)
        log_probs[NEVER_PREDICTED] = -math.inf  # other programs give <s> something
        return Table(torch.arange(len(self.vocab)), log_probs, backoffs)

    def longer(self, section: Section, tables: list[Table]) -> Table:
        """Reads the table of longer n-grams; each begins with one of the table before."""
        ids, vocab_size = torch.from_numpy(section.ids), len(self.vocab)
        nodes = ids[:, 0]
        for place, table in enumerate(tables[1:], 1):
            nodes = Level(table).find(nodes * vocab_size + ids[:, place])
        for index in (nodes < 0).nonzero().flatten().tolist()[:1]:
            raise self.error("the tokens before its last one are not listed", section.line + index)
        for index in (ids[:, -1] == BOS_ID).nonzero().flatten().tolist()[:1]:
            raise self.error("<s> can only be the first token", section.line + index)
        keys, order = (nodes * vocab_size + ids[:, -1]).sort(stable=True)
        for index in (keys[1:] == keys[:-1]).nonzero().flatten().tolist()[:1]:
            again = section.line + int(order[index + 1])
            raise self.error("this n-gram has stood there before", again)
        log_probs, backoffs = _natural(section.log_probs), _natural(section.backoffs)
        return Table(keys, log_probs[order], backoffs[order])


def _natural(values: array[float]) -> Tensor:
    """Converts decimal logarithms to natural ones, float32; -99 is that of 0."""
    decimal = torch.tensor(values, dtype=torch.float64)
    return (decimal * math.log(10)).masked_fill(decimal <= LOG_ZERO, -math.inf).float()
