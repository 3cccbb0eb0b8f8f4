"""The text of language models: lines -> rows of ids, and ids -> text.

A line's end is a token, too: eos. In running text it is what "\\n" is in a file, and reading begins
after one, as it does in the middle of a file. Where sentences stand by themselves, each begins with
bos and ends with eos, as the target of a translation does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from seq2seq.data.monolingual import letters_only
from seq2seq.data.tokenizers.normalization import ESCAPE
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import BOS_ID, EOS_ID


class TokenStream(NamedTuple):
    """How the text of a language model becomes ids, and comes back.

    Attributes:
        sentences: whether each line stands by itself.
        letters_only: whether all but letters is removed.
    """

    pipeline: TextPipeline
    sentences: bool
    letters_only: bool = False

    @property
    def first(self) -> int:
        """The id that every row begins with; it is never predicted there."""
        return BOS_ID if self.sentences else EOS_ID

    def clean(self, text: str) -> str:
        """Returns a text in the form that the training text was brought into."""
        if not self.letters_only or not any(character.isalpha() for character in text):
            return text
        return letters_only(text.split("\n"))[0]

    def rows(self, lines: Sequence[str], *, closed: bool = True) -> list[list[int]]:
        """Returns rows of ids that are read from a fresh state, each with `first` before it.

        Of the lines of one text, each is a row, or all of them are one. `closed` says whether the
        last line of running text has an end, too.
        """
        return self.rows_from_ids(self.pipeline.encode(lines), closed=closed)

    def rows_from_ids(self, lines: Sequence[list[int]], *, closed: bool = True) -> list[list[int]]:
        """Returns the same as `rows`, of lines that are ids already."""
        if self.sentences:
            return [[self.first, *line, EOS_ID] for line in lines]
        row = self._running(lines)
        return [row if closed else row[:-1]]

    def row(self, text: str) -> list[int]:
        """Returns `first` and the ids of a text that may go on."""
        return self._running(self.pipeline.encode(text.split("\n")))[:-1]

    def _running(self, lines: Sequence[list[int]]) -> list[int]:
        return [self.first, *chain.from_iterable([*line, EOS_ID] for line in lines)]

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of some ids, with a line's end for each eos."""
        return "".join(self.decode_stream(ids, []))

    def decode_stream(self, prefix: Sequence[int], ids: Iterable[int]) -> Iterator[str]:
        """Yields the text of the prefix, then what each of the ids adds to it, once it is known."""
        line: list[int] = []
        shown = ""
        for number, token in enumerate(chain(prefix, ids), start=1):
            if token == EOS_ID:
                yield self.pipeline.decode(line)[len(shown) :] + "\n"
                line, shown = [], ""
                continue
            line.append(token)
            if number >= len(prefix):
                text = self.pipeline.decode(line)
                # Half an escape may become another character, so it waits for the next token.
                if not text.endswith(ESCAPE):
                    yield text[len(shown) :]
                    shown = text
        yield self.pipeline.decode(line)[len(shown) :]
