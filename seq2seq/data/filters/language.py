"""A filter by language, as py3langid tells it (Lui & Baldwin 2012)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from seq2seq.data.filters.base import PairFilter, Side
from seq2seq.data.pairs import Pair

_NO_LANGUAGE = "zxx"
"""What numbers, addresses and the like are in."""


class Language(PairFilter):
    """Drops pairs with a side that is surely of another language than it should be.

    Of short sentences it often can't be sure, and these stay.

    Args:
        side: which side.
        code: the language by its ISO 639 code, as "de".
        sure: from which probability on another language counts.
    """

    def __init__(self, side: Side, code: str, sure: float = 0.9) -> None:
        self.side: Side = side
        self.code = code
        self.sure = sure
        self.identifier = load_identifier()
        self.reason = f"for a {side} in another language than {code}"

    def drops(self, pair: Pair) -> bool:
        """Whether another language is found."""
        code, probability = self.identifier.classify(getattr(pair, self.side))
        return code not in (self.code, _NO_LANGUAGE) and bool(probability >= self.sure)


@cache
def load_identifier() -> Any:
    """Loads what tells languages: with probabilities, of all the languages that it knows."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language_problems(flag: str, code: str) -> Iterator[str]:
    """A line if a language is unknown to py3langid, which would find another one everywhere."""
    if not code:
        return
    known = sorted({*load_identifier().labels} - {_NO_LANGUAGE})
    if code not in known:
        yield f"{flag} {code} is not known to py3langid, which knows {' '.join(known)}"
