"""A wrong word forced into a translation: two scores, side by side."""

from pathlib import Path

import pytest

from seq2seq.errors import DataError
from seq2seq.translation.butterfly import force_word
from seq2seq.translation.translator import Translator

KEPT = Path(__file__).parents[1] / "runs" / "format-2" / "translation"
SOURCE, TARGET = "Emma sucht das Haus.", "Emma looks for the house."


@pytest.fixture(scope="module")
def translator() -> Translator:
    return Translator.load(KEPT, "cpu")


def test_both_histories_are_scored_as_the_texts_by_themselves(translator: Translator) -> None:
    side = translator.target
    tokens = side.tokenizer.tokenize(TARGET)
    word = tokens[0]  # one that the vocabulary has, with its mark
    assert word.startswith("▁")
    found = force_word(translator, SOURCE, TARGET, word, 2)
    right = translator.score(SOURCE, TARGET)
    assert (
        found.right.tokens == right.tokens == [*side.vocab.tokens(side.vocab.ids(tokens)), "<eos>"]
    )
    assert found.right.token_log_probabilities == pytest.approx(
        right.token_log_probabilities, abs=1e-5
    )
    assert found.wrong.tokens == [right.tokens[0], right.tokens[0], *right.tokens[2:]]
    rows = found.tokens
    assert [row.position for row in rows] == [1, 2, 2, *range(3, len(right.tokens) + 1)]
    before, stood, forced, *after = rows
    assert before.right == pytest.approx(before.wrong)
    assert (stood.token, stood.wrong, stood.difference) == (right.tokens[1], None, None)
    assert (forced.token, forced.right, forced.difference) == (right.tokens[0], None, None)
    assert stood.right == found.right.token_log_probabilities[1]
    assert forced.wrong == found.wrong.token_log_probabilities[1]
    for place, row in enumerate(after, start=2):
        assert row.token == right.tokens[place]
        assert row.right == found.right.token_log_probabilities[place]
        assert row.wrong == found.wrong.token_log_probabilities[place]
        assert row.difference == row.wrong - row.right
    assert any(abs(row.difference) > 1e-3 for row in after)


def test_a_word_may_be_several_tokens_or_stand_at_either_end(translator: Translator) -> None:
    tokens = translator.target.tokenizer.tokenize(TARGET)
    for position in (1, len(tokens)):
        found = force_word(translator, SOURCE, TARGET, "the house", position)
        forced = translator.target.tokenizer.tokenize("the house")
        assert len(forced) > 1
        assert len(found.wrong.tokens) == len(tokens) + len(forced)
        rows = found.tokens
        assert [row.position for row in rows if row.right is None] == [position] * len(forced)
        assert [row.token for row in rows if row.right is not None] == found.right.tokens
        assert [row.token for row in rows if row.wrong is not None] == found.wrong.tokens


def test_a_table_shows_both_and_the_means_after_the_word(translator: Translator) -> None:
    found = force_word(translator, SOURCE, TARGET, "Emma", 2)
    header, *rows, last = found.as_table().splitlines()
    assert header.split() == ["token", "right", "history", "wrong", "word", "difference"]
    for line, row in zip(rows, found.tokens, strict=True):
        values = [value for value in (row.right, row.wrong, row.difference) if value is not None]
        number, token, *numbers = line.split()
        assert (int(number), token) == (row.position, row.token)
        assert [float(value) for value in numbers] == pytest.approx(values, abs=1e-4)
    after = [row for row in found.tokens if row.position > 2]
    means = [sum(getattr(row, side) for row in after) / len(after) for side in ("right", "wrong")]
    assert last == (
        f"mean of the {len(after)} after it: {means[0]:.4f} with the right history, "
        f"{means[1]:.4f} with the wrong word"
    )


@pytest.mark.parametrize(
    ("word", "position", "message"),
    [
        ("Emma", 0, "there is no token 0 in 'Emma looks for the house.', which has"),
        ("Emma", 99, "there is no token 99"),
        (" ", 1, "has no token to force"),
    ],
)
def test_what_can_not_be_forced(
    translator: Translator, word: str, position: int, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        force_word(translator, SOURCE, TARGET, word, position)
