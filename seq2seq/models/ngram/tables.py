"""What an n-gram model consists of: a table for each length of n-grams; and its file on disk.

The tables are read by backing off (Katz 1987): the probability of a token after a context is that
of the n-gram of both, if it is listed; else it is the context's backoff weight, times the
probability after the context without its first token. A context that is not listed weighs 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seq2seq.data.vocabulary import BOS_ID, PAD_ID, SPECIAL_TOKENS
from seq2seq.errors import DataError, RunError
from seq2seq.runs.tensors import load_tensors, save_tensors

FORMAT = "seq2seq n-gram model 1"

NEVER_PREDICTED = [PAD_ID, BOS_ID]


class Table(NamedTuple):
    """The n-grams of one length, as `seq2seq.models.ngram.counts` numbers them.

    Attributes:
        keys: ascending, int64 ``(ngrams,)``; those of single tokens are their ids, all of them.
        log_probs: natural logarithm of the last token's probability after the others, float32
            ``(ngrams,)``.
        backoffs: natural logarithm of the n-gram's weight as a context, float32 ``(ngrams,)``; 0
            where nothing is known to follow.
    """

    keys: Tensor
    log_probs: Tensor
    backoffs: Tensor


def check_tables(tables: Sequence[Table]) -> None:
    """Raises DataError unless these can be the n-grams of lengths 1, 2, … of one model."""
    vocab_size = len(tables[0].keys) if tables else 0
    if vocab_size < len(SPECIAL_TOKENS):
        raise DataError("an n-gram model without n-grams, or without the special tokens")
    contexts = 1
    for length, (keys, log_probs, backoffs) in enumerate(tables, 1):
        where = f"{length}-grams"
        kinds = [tensor.dtype for tensor in (keys, log_probs, backoffs)]
        if kinds != [torch.int64, torch.float32, torch.float32] or keys.dim() != 1:
            raise DataError(f"{where}: the numbers are not of the right kind")
        if not keys.shape == log_probs.shape == backoffs.shape:
            raise DataError(f"{where}: there must be as many keys as numbers of each sort")
        if not bool((keys[1:] > keys[:-1]).all()):
            raise DataError(f"{where}: the keys are not in order")
        if len(keys) and not 0 <= int(keys[0]) <= int(keys[-1]) < contexts * vocab_size:
            raise DataError(f"{where}: a key is out of range")
        if not bool((log_probs <= 0).all()) or not bool((backoffs < math.inf).all()):
            raise DataError(f"{where}: a number is not the logarithm of a probability")
        never = torch.isin(keys % vocab_size, torch.tensor(NEVER_PREDICTED, device=keys.device))
        if bool((log_probs[never] > -math.inf).any()) or (length > 1 and bool(never.any())):
            raise DataError(f"{where}: pad and bos can't be predicted")
        contexts = len(keys)


def save_tables(path: Path, tables: Sequence[Table], run_id: str | None = None) -> None:
    """Writes the tables to one safetensors file, with the id of the run that they belong to.

    Raises:
        RunError: it can't be written.
    """
    tensors = {
        f"{length}.{field}": values
        for length, table in enumerate(tables, 1)
        for field, values in table._asdict().items()
    }
    vocab_size = len(tables[0].keys)
    state = {"format": FORMAT, "order": len(tables), "vocab_size": vocab_size}
    save_tensors(path, tensors, state, run_id)


def load_tables(path: Path, run_id: str | None = None) -> list[Table]:
    """Reads what `save_tables` wrote, and if `run_id` is given, for the run with this id.

    Raises:
        RunError: it is missing, damaged, of another run, or something else.
    """
    tensors, state = load_tensors(path, run_id)
    try:
        tables = _unpacked(state, tensors)
        check_tables(tables)
    except DataError as error:
        raise RunError(
            f"{path} is not an n-gram model that this version reads: {error}. "
            "Copy it again from where it came, or estimate it again."
        ) from error
    return tables


def _unpacked(state: Any, tensors: Mapping[str, Tensor]) -> list[Table]:
    """Returns the tables in a file with this state; DataError if they don't fit it."""
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise DataError(f'it lacks "format": "{FORMAT}"')
    order = len(tensors) // len(Table._fields)
    names = [[f"{length}.{field}" for field in Table._fields] for length in range(1, order + 1)]
    if state.get("order") != order or {name for row in names for name in row} != set(tensors):
        raise DataError(f"it says order {state.get('order')}, and has {', '.join(tensors)}")
    tables = [Table(*(tensors[name] for name in row)) for row in names]
    if tables and [state.get("vocab_size")] != list(tables[0].keys.shape):
        raise DataError(f"it says vocab_size {state.get('vocab_size')}, which it has not")
    return tables
