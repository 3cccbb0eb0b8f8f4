"""In which of the languages of a server a text is, as py3langid tells it (Lui & Baldwin 2012)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from seq2seq.data.filters.language import load_identifier
from seq2seq.serving.errors import RequestError


class Detected(NamedTuple):
    """A language that a text may be in.

    Attributes:
        language: its tag.
        confidence: in percent; 0 if nothing tells it from others.
    """

    language: str
    confidence: float


class Detector:
    """Tells a server's languages from each other.

    It chooses among the languages that py3langid knows; a text in another one is taken for one of
    these. Of a few words it often can't be sure.

    Args:
        codes: the tags of the languages.
    """

    def __init__(self, codes: Sequence[str]) -> None:
        self.codes = codes
        self.identifier = load_identifier()
        known = {*self.identifier.labels}
        self.known = {
            code: primary for code in codes if (primary := code.lower().split("-")[0]) in known
        }

    def detect(self, text: str, among: Sequence[str]) -> list[Detected]:
        """Returns the languages that a text may be in, the likeliest first; at least one.

        Args:
            text: of any length.
            among: the tags that it may be of, which are the server's. If that is one, it is it.

        Raises:
            RequestError: none of them is known to py3langid.
        """
        known = [code for code in among if code in self.known]
        if not known and len(among) != 1:
            raise RequestError(400, f"{', '.join(among)} can't be told apart: give the source")
        ranked = dict(self.identifier.rank(text)) if any(map(str.isalpha, text)) else {}
        shares = {code: float(ranked.get(self.known[code], 0.0)) for code in self.known}
        total = sum(shares.values())
        found = [Detected(c, round(100 * shares[c] / total, 1) if total else 0.0) for c in known]
        return sorted(found, key=lambda each: -each.confidence) or [Detected(among[0], 0.0)]
