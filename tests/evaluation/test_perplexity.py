"""Perplexity: batches, pieces and parts change nothing; figures by hand."""

import math
from itertools import chain, pairwise

import pytest
import torch

from seq2seq.data.tokenizers.rule_based import SpaceTokenizer
from seq2seq.data.vocabulary import EOS_ID, UNK_ID
from seq2seq.evaluation import perplexity as module
from seq2seq.evaluation.perplexity import (
    TextScore,
    held_out_score,
    row_log_probabilities,
    split_row,
    text_score,
)
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.language_model import LanguageNetwork
from tests.support.language import CPU, LINES, network, running, uniform


def some_rows(count: int = 70, longest: int = 40) -> list[list[int]]:
    generator = torch.Generator().manual_seed(1)
    rows = []
    for _ in range(count):
        length = int(torch.randint(1, longest, (), generator=generator))
        rows.append(torch.randint(2, 11, (length,), generator=generator).tolist())
    return rows


@torch.no_grad()
def plainly(model: LanguageNetwork, row: list[int]) -> list[float]:
    """One token at a time."""
    state = model.start(1)
    found = []
    for token, following in pairwise(row):
        log_probs, state = model.step(torch.tensor([token]), state)
        found.append(float(log_probs[0, following]))
    return found


# ---------------------------------------------------------------------------------------------
# log-probabilities


@pytest.mark.parametrize("cell", CELLS)
def test_a_batch_is_its_rows_token_by_token(cell: str) -> None:
    model = network(11, cell=cell, sizes=(7, 6))
    rows = some_rows(40, 12)
    found = row_log_probabilities(model, rows, CPU)
    assert [len(values) for values in found] == [len(row) - 1 for row in rows]
    assert any(len(row) == 1 for row in rows), "a row of nothing to predict"
    for row, values in zip(rows, found, strict=True):
        assert values == pytest.approx(plainly(model, row), rel=1e-4, abs=1e-5)
        assert row_log_probabilities(model, [row], CPU)[0] == pytest.approx(values, abs=1e-5)


def test_order_does_not_matter() -> None:
    model = network(11, cell="lstm")
    rows = some_rows()
    found = row_log_probabilities(model, rows, CPU)
    turned = row_log_probabilities(model, rows[::-1], CPU)[::-1]
    for values, others in zip(found, turned, strict=True):
        assert values == pytest.approx(others, abs=1e-5)
    assert row_log_probabilities(model, [], CPU) == []
    assert row_log_probabilities(model, [[3], [3]], CPU) == [[], []]


@pytest.mark.parametrize("at_once", [1, 7, 64])
@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_long_text_in_pieces_is_the_text_at_once(
    cell: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(11, cell=cell, sizes=(7, 6))
    rows = [[*chain.from_iterable(some_rows(12))], [3, 4, 5]]
    whole = row_log_probabilities(model, rows, CPU)
    monkeypatch.setattr(module, "BATCH_TOKENS", at_once)
    in_pieces = row_log_probabilities(model, rows, CPU)
    for values, others in zip(whole, in_pieces, strict=True):
        assert values == pytest.approx(others, abs=1e-5)
    assert len(rows[0]) > 2 * module.BATCH_TOKENS


# ---------------------------------------------------------------------------------------------
# held-out text


def test_parts_share_out_every_target_once() -> None:
    for length in (1, 2, 5, 31, 33, 100):
        for count in (1, 2, 7, 32):
            row = list(range(length))
            found = split_row(row, count)
            assert len(found) <= count
            assert [token for part in found for token in part[1:]] == row[1:]
            assert [part[0] for part in found] == [part[1] - 1 for part in found]
            assert len({len(part) for part in found[:-1]}) <= 1


def test_held_out_text_is_scored_in_parts_and_sentences_alone() -> None:
    model = network(20)
    text = running()
    (row,) = text.rows(LINES)
    found = held_out_score(model, text, LINES, CPU)
    expected = [plainly(model, part) for part in split_row(row, module.STREAMS)]
    assert found.nats == pytest.approx(-sum(map(sum, expected)), rel=1e-5)
    assert found.tokens == len(row) - 1
    values = row_log_probabilities(model, [row], CPU)
    whole = text_score([row], values, LINES, text.pipeline.tokenizer)
    assert found[1:5] == whole[1:5]
    assert found.nats != pytest.approx(whole.nats, rel=1e-7), "each part begins with zeros"
    text = running(sentences=True)
    rows = text.rows(LINES)
    found = held_out_score(model, text, LINES, CPU)
    assert found.nats == pytest.approx(-sum(sum(plainly(model, row)) for row in rows), rel=1e-5)
    assert found.tokens == sum(len(row) - 1 for row in rows)


# ---------------------------------------------------------------------------------------------
# figures by hand


def test_figures_of_a_uniform_model_by_hand() -> None:
    lines = ["the  cat ", "", "a dog"]
    text = running("word", ["the cat a dog"])
    size = 8  # four words and four specials
    assert len(text.pipeline.vocab) == size
    found = held_out_score(uniform(size), text, lines, CPU)
    # the cat ⏎ ⏎ a dog ⏎: seven tokens of log(8) each.
    assert found == pytest.approx(
        TextScore(7 * math.log(8), 7, 7, 7 + 5 + 3, 0, 7 * math.log(8)), rel=1e-6
    )
    assert found.perplexity == pytest.approx(8)
    assert found.word_perplexity == pytest.approx(8)
    assert found.character_perplexity == pytest.approx(8 ** (7 / 15))
    assert found.bits_per_character == pytest.approx(3 * 7 / 15)


def test_words_and_characters_do_not_depend_on_what_a_token_is() -> None:
    lines = ["the cat", "a dog"]
    text = running("character", lines)
    size = len(text.pipeline.vocab)
    found = held_out_score(uniform(size), text, lines, CPU)
    assert found[1:5] == (14, 6, 14, 0)
    assert found.perplexity == found.character_perplexity == pytest.approx(size)
    assert found.word_perplexity == pytest.approx(size ** (14 / 6))
    assert found.bits_per_character == pytest.approx(math.log2(size))
    assert found.summary() == pytest.approx(
        {
            "tokens": 14,
            "unknown_tokens": 0,
            "nats_per_token": math.log(size),
            "perplexity": size,
            "perplexity_without_unknown": size,
            "word_perplexity": size ** (14 / 6),
            "character_perplexity": size,
            "bits_per_character": math.log2(size),
        }
    )


def test_an_open_text_has_no_last_line_end() -> None:
    lines = ["the cat", "a dog"]
    text = running("character", lines)
    rows = text.rows(lines, closed=False)
    values = row_log_probabilities(uniform(len(text.pipeline.vocab)), rows, CPU)
    assert text_score(rows, values, lines, text.pipeline.tokenizer)[1:5] == (13, 5, 13, 0)


def test_the_text_counts_as_the_tokenizer_sees_it() -> None:
    """Runs of white space are one space, and a letter with its mark is one character."""
    lines = [" e\u0301  x\t"]
    text = running("character", lines)
    rows = text.rows(lines)
    values = row_log_probabilities(uniform(len(text.pipeline.vocab)), rows, CPU)
    assert text_score(rows, values, lines, text.pipeline.tokenizer)[1:5] == (4, 3, 4, 0)


def test_a_perplexity_beyond_all_numbers_is_infinite() -> None:
    score = TextScore(800.0, 1, 1, 1, 0, 800.0)
    assert score.perplexity == score.perplexity_without_unknown == math.inf
    assert score.bits_per_character == pytest.approx(800 / math.log(2))


def test_unknown_tokens_are_counted_and_left_out_by_hand() -> None:
    """An impossible one makes the perplexity infinite, and that without it stays a number."""
    rows, lines = [[2, UNK_ID, 5, EOS_ID], [2, UNK_ID, EOS_ID]], ["zebras run", "zebras"]
    score = text_score(rows, [[-4.0, -1.0, -2.0], [-math.inf, -3.0]], lines, SpaceTokenizer())
    assert (score.tokens, score.unknown_tokens, score.known_nats) == (5, 2, 6.0)
    assert score.nats == score.perplexity == math.inf
    assert score.perplexity_without_unknown == pytest.approx(math.exp(6 / 3))
    nothing = text_score([[2, UNK_ID]], [[-4.0]], ["zebras"], SpaceTokenizer())
    assert nothing.perplexity == pytest.approx(math.exp(4))
    assert nothing.summary()["perplexity_without_unknown"] is None
