"""What one wrong word in a translation does to the probability of all words after it."""

from __future__ import annotations

from statistics import fmean
from typing import NamedTuple

from seq2seq.data.tokenizers.normalization import JOINER, SPACE, show_token
from seq2seq.errors import DataError
from seq2seq.translation.results import PairScore
from seq2seq.translation.scoring import score_ids
from seq2seq.translation.translator import Translator


class ForcedToken(NamedTuple):
    """A token of a translation, and how probable it is after each history.

    Attributes:
        position: its number, from 1; the wrong tokens have that of the one they stand for.
        token: as the model sees it.
        right: natural logarithm of its probability after the translation as it is; None for a wrong
            token.
        wrong: the same after the wrong tokens; None for the token that they stand for.
    """

    position: int
    token: str
    right: float | None
    wrong: float | None

    @property
    def difference(self) -> float | None:
        """What the wrong history adds to the log-probability; None where only one has the token."""
        return None if self.right is None or self.wrong is None else self.wrong - self.right


class Butterfly(NamedTuple):
    """The two scores of a translation: as it is, and with a wrong word forced into it.

    Attributes:
        right: as it is.
        wrong: with the wrong word.
        position: the number, from 1, of the token whose place the wrong word takes.
    """

    right: PairScore
    wrong: PairScore
    position: int

    @property
    def tokens(self) -> list[ForcedToken]:
        """All tokens in their order: the wrong ones come after the one that they stand for."""
        place, more = self.position - 1, len(self.wrong.tokens) - len(self.right.tokens)
        right = [*zip(self.right.tokens, self.right.token_log_probabilities, strict=True)]
        wrong = [*zip(self.wrong.tokens, self.wrong.token_log_probabilities, strict=True)]
        found = []
        for index, (token, value) in enumerate(right):
            if index == place:
                found.append(ForcedToken(index + 1, token, value, None))
                forced = wrong[place : place + 1 + more]
                found += [ForcedToken(index + 1, each, None, other) for each, other in forced]
            else:
                other = wrong[index if index < place else index + more][1]
                found.append(ForcedToken(index + 1, token, value, other))
        return found

    def as_dict(self) -> dict[str, object]:
        """Returns all tokens with their differences, as JSON has them."""
        rows = [{**each._asdict(), "difference": each.difference} for each in self.tokens]
        return {"position": self.position, "tokens": rows}

    def as_table(self) -> str:
        """Returns a table with a row for each token; and the means over those after the word."""
        shown = [show_token(each.token) for each in self.tokens]
        width = max(5, *map(len, shown))
        lines = [f"     {'token':{width}}  right history  wrong word  difference"]
        for token, each in zip(shown, self.tokens, strict=True):
            cells = zip((each.right, each.wrong, each.difference), (15, 12, 12), strict=True)
            numbers = (f"{format_number(value):>{size}}" for value, size in cells)
            lines.append(f"{each.position:>3}  {token:{width}}{''.join(numbers)}".rstrip())
        right = self.right.token_log_probabilities[self.position :]
        wrong = self.wrong.token_log_probabilities[-len(right) :]
        lines.append(
            f"mean of the {len(right)} after it: {fmean(right):.4f} with the right history, "
            f"{fmean(wrong):.4f} with the wrong word"
        )
        return "\n".join(lines)


def format_number(value: float | None) -> str:
    """A number in a table; nothing for none, and no minus before a zero.

    >>> format_number(-0.5), format_number(None), format_number(-1e-7)
    ('-0.5000', '', '0.0000')
    """
    return "" if value is None else f"{round(value, 4) + 0.0:.4f}"


def force_word(
    translator: Translator, source: str, target: str, word: str, position: int
) -> Butterfly:
    """Scores a translation as it is, and with a wrong word forced into it.

    Every later token has the same history but for that word. A model that was trained with teacher
    forcing has never seen a wrong one: how much less probable it finds what follows is what
    scheduled sampling (Bengio et al. 2015) is meant to lessen.

    Args:
        translator: any, an ensemble too.
        source: a sentence.
        target: a translation of it.
        word: what is forced, of one or more of the target's tokens; or a token with its marks.
        position: the number, from 1, of the token of `target` whose place it takes.

    Raises:
        DataError: the target has no such token, or the word none at all.
    """
    side = translator.target
    tokens, forced = side.tokenizer.tokenize(target), side.tokenizer.tokenize(word)
    if word in side.vocab and (SPACE in word or JOINER in word):
        forced = [word]  # text has no such marks
    if not 1 <= position <= len(tokens):
        raise DataError(
            f"there is no token {position} in {target!r}, which has {len(tokens)}: "
            f"{' '.join(map(show_token, tokens))}"
        )
    if not forced:
        raise DataError(f"{word!r} has no token to force")
    changed = [*tokens[: position - 1], *forced, *tokens[position:]]
    right, wrong = score_ids(
        translator.engine,
        side,
        [source, source],
        side.vocab.ids([tokens, changed]),
        translator.settings,
    )
    return Butterfly(right, wrong, position)
