"""n-gram models as ARPA files, the text format that KenLM, SRILM and others read and write.

A header with the number of n-grams of each length, then a section for each length. A line is the
decimal logarithm of a probability, a tab, the tokens, and for a context a tab and its backoff
weight, a decimal logarithm, too. bos, eos and unk are called ``<s>``, ``</s>`` and ``<unk>``; pad
has no place in it. -99 stands for the logarithm of 0. Files may be compressed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor

from seq2seq.data.vocabulary import PAD_ID, SPECIAL_TOKENS, Vocab
from seq2seq.errors import DataError
from seq2seq.models.ngram.arpa_reader import (
    ARPA_NAMES,
    LOG_ZERO,
    OPEN,
    TOKENS_BY_NAME,
    ArpaReader,
)
from seq2seq.models.ngram.model import NGramModel
from seq2seq.runs.files import write_atomically

NOT_WRITTEN = (".zst", ".zip")
"""Endings that promise what would not be there."""

LINES_CHUNK = 50_000
"""n-grams that are written at a time."""


def write_arpa(path: str | Path, model: NGramModel, vocab: Vocab) -> None:
    """Writes a model to an ARPA file, compressed if its name ends in .gz, .bz2 or .xz.

    Raises:
        DataError: the vocabulary is not the model's, or has a token that can't be written: one
            with white space in it, or with the ARPA name of a special token; or the name ends in
            .zst or .zip.
        RunError: the file can't be written.
    """
    path = Path(path)
    if path.suffix in NOT_WRITTEN:
        known = ", ".join(OPEN)
        raise DataError(f"{path}: {path.suffix} can't be written; compressed are {known}")
    names = _names(model, vocab)

    def write(temporary: Path) -> None:
        open_text: Callable[..., TextIO] = OPEN.get(path.suffix, open)
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


def read_arpa(path: str | Path, vocab: Vocab | None = None) -> tuple[NGramModel, Vocab]:
    """Reads a model from an ARPA file, plain or compressed, whichever program wrote it.

    Without ``<unk>`` in the file, unknown tokens never come: their log-probability is minus
    infinity. N-grams with ``<s>`` after the first place are left out: the CMU-Cambridge toolkit
    counts across sentences, but ``<s>`` is never predicted. The header may count them or not.

    Args:
        vocab: the tokens of the model. One that the file lacks has the probability of ``<unk>``;
            one that only the file has is left out, with its n-grams. A `VocabularyWarning` says how
            many there are. Without it, the tokens are the file's, in its order after the special
            ones, with counts of 0.

    Raises:
        DataError: the file is missing or is not as it must be (naming the line), or it has no token
            of `vocab`.
    """
    reader = ArpaReader(Path(path), vocab)
    return reader.read(), reader.vocab
