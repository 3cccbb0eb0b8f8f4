"""The bytes of a SentencePiece model, looked at before SentencePiece itself reads them.

Its C++ believes much of what a model says, and a stranger's may say anything: a table of characters
with false offsets is read beyond its end. So only models are let through that are as ours: pieces
with finite scores, one of them maybe the mark of special symbols, and no rules of their own for
characters. That is also what brings a text back exactly, and all that sampling needs to know.

The format is a Protocol Buffers message, ModelProto of sentencepiece_model.proto; the numbers of
its fields are given here.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias, TypeVar

from seq2seq.data.protobuf import FLOAT, VARINT, bytes_field, fields
from seq2seq.data.tokenizers.special_symbols import MARK
from seq2seq.errors import DataError

MAX_SCORE = 1e9
"""BPE's scores are ranks, unigram's are logarithms of probabilities."""

_Kind: TypeAlias = Literal["unigram", "bpe"]
_Value = TypeVar("_Value", int, bytes)
_WHAT = "a SentencePiece model"

_PIECE, _TRAINER, _NORMALIZER, _SELF_TEST, _DENORMALIZER = 1, 2, 3, 4, 5  # in ModelProto
_NAME, _SCORE, _TYPE = 1, 2, 3  # in SentencePiece
_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED = 1, 2, 3, 4  # its types
_MODEL_TYPE, _WHITESPACE_AS_SUFFIX, _BYTE_FALLBACK = 3, 24, 35  # in TrainerSpec
_KINDS: dict[object, _Kind] = {1: "unigram", 2: "bpe"}
_CHARACTERS = 2  # in NormalizerSpec, and then whether spaces are treated as ours
_SPACES = (3, 4, 5)


class PieceModel(NamedTuple):
    """What a model knows; the scores are of each piece but the special ones, in its order."""

    kind: _Kind
    scores: dict[str, float]


def read_piece_model(data: bytes) -> PieceModel:
    """Returns what a serialized model knows; raises DataError if it is none, or not like ours."""
    kind = _KINDS[1]  # what a model is that does not say
    scores: dict[str, float] = {}
    for number, value in fields(data, _WHAT):
        if number == _PIECE:
            name, score, is_special = _read_piece(_expect(bytes, value))
            if not is_special:
                scores[name] = score
        elif number == _TRAINER:
            kind = _read_trainer(_expect(bytes, value)) or kind
        elif number in (_NORMALIZER, _DENORMALIZER):
            _check_normalizer(_expect(bytes, value))
        elif number == _SELF_TEST and value:
            raise _unlike("it has tests in it")
    if not scores:
        raise DataError("not a SentencePiece model: it has no pieces")
    return PieceModel(kind, scores)


def with_pieces(data: bytes, scores: Mapping[str, float], kind: int = _NORMAL) -> bytes:
    """Returns a serialized model with more pieces, whose scores are given, after its own."""
    added = (
        bytes_field(_NAME, name.encode())
        + struct.pack("<BfBB", _SCORE << 3 | FLOAT, score, _TYPE << 3 | VARINT, kind)
        for name, score in scores.items()
    )
    # The fields of a message may stand in any order: those of the pieces go on at its end.
    return data + b"".join(bytes_field(_PIECE, piece) for piece in added)


def with_mark(data: bytes) -> bytes:
    """Returns a serialized model that knows the mark of special symbols, too."""
    return with_pieces(data, {MARK: 0.0}, _USER_DEFINED)


def _read_piece(data: bytes) -> tuple[str, float, bool]:
    """Returns a piece, its score, and whether it is special."""
    name, score, kind = "", 0.0, _NORMAL
    try:
        for number, value in fields(data, _WHAT):
            if number == _NAME:
                name = _expect(bytes, value).decode("utf-8")
            elif number == _SCORE:
                (score,) = struct.unpack("<f", _expect(bytes, value))
            elif number == _TYPE:
                kind = _expect(int, value)
    except (UnicodeDecodeError, struct.error) as error:
        raise DataError(
            f"not a SentencePiece model: a piece is not UTF-8, or its score is no number: {error}"
        ) from error
    if not name or not math.isfinite(score) or abs(score) > MAX_SCORE:
        raise _unlike(f"it has a piece {name!r} with the score {score}")
    expected = (_USER_DEFINED,) if MARK in name else (_NORMAL, _UNKNOWN, _CONTROL)
    if kind not in expected or (MARK in name and name != MARK):
        raise _unlike(f"its piece {name!r} is of the type {kind}")
    return name, score, kind in (_UNKNOWN, _CONTROL)


def _read_trainer(data: bytes) -> _Kind | None:
    """Returns the kind of model, if it is said."""
    kind = None
    for number, value in fields(data, _WHAT):
        if number == _MODEL_TYPE:
            if value not in _KINDS:
                raise _unlike("it is neither unigram nor BPE")
            kind = _KINDS[value]
        elif number in (_WHITESPACE_AS_SUFFIX, _BYTE_FALLBACK) and value != 0:
            raise _unlike("it has pieces for bytes, or spaces behind words")
    return kind


def _check_normalizer(data: bytes) -> None:
    for number, value in fields(data, _WHAT):
        if (number == _CHARACTERS and value) or (number in _SPACES and value != 1):
            raise _unlike("it changes characters or spaces, which is done before it here")


def _unlike(problem: str) -> DataError:
    return DataError(
        f"not a SentencePiece model that can be used here: {problem}; train one with "
        f"SentencePieceTokenizer.train"
    )


def _expect(kind: type[_Value], value: int | bytes) -> _Value:
    if not isinstance(value, kind):
        raise DataError("not a SentencePiece model: a field is of another kind")
    return value
