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
from seq2seq.data.tokenizers.rule_based import CharacterLevelTokenizer
from seq2seq.data.vocabulary import BOS_ID, EOS, EOS_ID, SPECIAL_TOKENS


class Beginning(NamedTuple):
    """A text that a model goes on with.

    Attributes:
        text: as it was given.
        ids: what the model reads of it, `first` before it.
        line: the tokens of its last line, unknown ones as they stand in the text.
        not_next: the ids that can't be next: after a space, those that go on in the same word.
    """

    text: str
    ids: list[int]
    line: list[str]
    not_next: list[int]


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

    def begin(self, text: str) -> Beginning:
        """Returns the ids of a text that a model goes on with, and what it takes to spell it.

        A space at its end is a token for characters; elsewhere, no token that goes on in the same
        word can be next.
        """
        cleaned = self.clean(text)
        row = self.row(cleaned)
        tokenizer = self.pipeline.tokenizer
        line = tokenizer.tokenize(cleaned.split("\n")[-1])
        if not line or not text[-1].isspace() or tokenizer.detokenize(line)[-1:].isspace():
            return Beginning(text, row, line, [])
        if isinstance(tokenizer, CharacterLevelTokenizer):
            space = tokenizer.segment(" ")
            return Beginning(
                text, row + self.pipeline.vocab.ids(space), [*line, *space], not_next=[]
            )
        return Beginning(text, row, line, self._inside_word(line[-1]))

    def _inside_word(self, last: str) -> list[int]:
        """Returns the ids of the tokens before which no space can be, after this one; or none."""
        spell = self.pipeline.tokenizer.detokenize
        end = len(spell([last]))
        ordinary = [*enumerate(self.pipeline.vocab)][len(SPECIAL_TOKENS) :]
        inside = [
            number
            for number, token in ordinary
            if spell([last, token])[end : end + 1] not in ("", " ")
        ]
        return inside if len(inside) < len(ordinary) else []

    def _running(self, lines: Sequence[list[int]]) -> list[int]:
        return [self.first, *chain.from_iterable([*line, EOS_ID] for line in lines)]

    def decode(self, ids: Sequence[int]) -> str:
        """Returns the text of some ids, with a line's end for each eos."""
        return "".join(self.decode_stream(ids, []))

    def decode_stream(self, prefix: Sequence[int], ids: Iterable[int]) -> Iterator[str]:
        """Yields the text of the prefix, then what each of the ids adds to it, once it is known."""
        spell = self.pipeline.tokenizer.detokenize
        lines: list[list[str]] = [[]]
        for token in self.pipeline.vocab.tokens(list(prefix)):
            if token == EOS:
                lines.append([])
            else:
                lines[-1].append(token)
        *whole, last = lines
        shown = known_part(spell(last))
        yield "".join(f"{spell(line)}\n" for line in whole) + shown
        yield from self._spell(last, shown, ids)

    def continuation(self, beginning: Beginning, ids: Iterable[int]) -> Iterator[str]:
        """Yields a text exactly as it was given, then what each of the ids adds to it."""
        yield beginning.text
        shown = self.pipeline.tokenizer.detokenize(beginning.line)
        added = self._spell(beginning.line, shown, ids)
        if beginning.text[-1:].isspace() and not shown[-1:].isspace():
            for piece in added:  # the space is there already
                yield piece.removeprefix(" ")
                if piece:
                    break
        yield from added

    def _spell(self, line: Sequence[str], shown: str, ids: Iterable[int]) -> Iterator[str]:
        """Yields what each of the ids adds to a line of tokens, of which some text is shown."""
        spell, vocab = self.pipeline.tokenizer.detokenize, self.pipeline.vocab
        tokens = list(line)
        for number in ids:
            if number == EOS_ID:
                yield spell(tokens)[len(shown) :] + "\n"
                tokens, shown = [], ""
                continue
            tokens.append(vocab.tokens(number))
            text = known_part(spell(tokens))
            if len(text) >= len(shown):
                yield text[len(shown) :]
                shown = text
        yield spell(tokens)[len(shown) :]


def known_part(text: str) -> str:
    """Returns a text without the beginning of an escape: the next token decides about it."""
    return text.removesuffix(ESCAPE)
