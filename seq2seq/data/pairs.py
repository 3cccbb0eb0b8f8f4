"""A sentence and its translation, and the form in which sentences are compared."""

from __future__ import annotations

from typing import NamedTuple

from seq2seq.data.tokenizers.normalization import to_nfc


class Pair(NamedTuple):
    """A sentence and its translation."""

    source: str
    target: str


def comparable(text: str) -> str:
    """Returns the form in which sentences are compared: NFC, white space collapsed."""
    return " ".join(to_nfc(text).split())
