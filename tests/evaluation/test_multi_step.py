"""k-step-ahead prediction: a table by hand, teacher forcing for k = 1, and a plain loop."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.vocabulary import BOS_ID, PAD_ID, UNK_ID
from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation import multi_step as module
from seq2seq.evaluation.multi_step import predict_ahead, spread_evenly
from seq2seq.evaluation.perplexity import row_log_probabilities
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.language_model import LanguageNetwork
from tests.support.language import CPU, LINES, letter_table, network, running, table


def test_a_table_by_hand() -> None:
    """Its own history from any place on is a b a b …"""
    model, text = letter_table(
        {
            "a": {"a": 0.3, "b": 0.6, "\n": 0.1},
            "b": {"a": 0.7, "b": 0.2, "\n": 0.1},
            "\n": {"a": 0.8, "b": 0.2},
        }
    )
    rows = text.rows(["aabb"], closed=False)  # ⏎ a a b b
    found = predict_ahead(model, rows, CPU, steps=3)
    assert found.places == 2
    # After ⏎ its own are a b a; after ⏎ a they are b a b. True are a a b and a b b.
    right = [(1, 0), (0, 0), (0, 1)]
    probabilities = [(0.8, 0.3), (0.3, 0.2), (0.2, 0.6)]
    for step, rights, values in zip(found.steps, right, probabilities, strict=True):
        assert step.accuracy == sum(rights) / 2
        assert step.log_probability == pytest.approx(sum(map(math.log, values)) / 2, rel=1e-5)


def test_what_is_never_made_up_is_in_no_history_and_can_be_right() -> None:
    rows = [[0.01] * 6 for _ in range(6)]
    rows[4][UNK_ID], rows[4][5], rows[4][4] = 0.6, 0.3, 0.07
    rows[5][4] = 0.95
    found = predict_ahead(table(rows), [[4, UNK_ID, 4]], CPU, steps=2)
    assert [step.accuracy for step in found.steps] == [1, 1], "unk is right, and 4 follows 5"
    assert found.steps[1].log_probability == pytest.approx(math.log(0.95), rel=1e-5)


@torch.no_grad()
def plainly(
    model: LanguageNetwork, rows: list[list[int]], steps: int
) -> tuple[int, list[tuple[float, float]]]:
    """From every place, each read from the beginning of its row, one token at a time."""
    outcomes = []
    for row in rows:
        for place in range(1, len(row) - steps + 1):
            state = model.start(1)
            for token in row[: place - 1]:
                _, state = model.step(torch.tensor([token]), state)
            own = row[place - 1]
            for distance, true in enumerate(row[place : place + steps]):
                log_probs, state = model.step(torch.tensor([own]), state)
                values = log_probs[0].tolist()
                right = values.index(max(values)) == true
                outcomes.append((distance, float(right), values[true]))
                allowed = set(range(len(values))) - {PAD_ID, UNK_ID, BOS_ID}
                own = max(allowed, key=values.__getitem__)
    means = []
    for distance in range(steps):
        here = [values for number, *values in outcomes if number == distance]
        means.append(tuple(sum(column) / len(here) for column in zip(*here, strict=True)))
    return len(outcomes) // steps, means


@pytest.mark.slow
@pytest.mark.parametrize("at_once", [1, 7, 256])
@pytest.mark.parametrize("sentences", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_many_places_at_once_equal_a_plain_loop(
    cell: str, sentences: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_SIZE", at_once)
    text = running(sentences=sentences)
    model = network(len(text.pipeline.vocab), cell=cell, sizes=(7, 6))
    rows = text.rows(LINES[:9])
    found = predict_ahead(model, rows, CPU, steps=4)
    places, expected = plainly(model, rows, 4)
    assert found.places == places > 5
    for step, wanted in zip(found.steps, expected, strict=True):
        assert step == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("cell", CELLS)
def test_one_step_ahead_is_teacher_forcing(cell: str) -> None:
    text = running()
    model = network(len(text.pipeline.vocab), cell=cell)
    (row,) = text.rows(LINES[:20])
    found = predict_ahead(model, [row], CPU, steps=1, places=10_000)
    (values,) = row_log_probabilities(model, [row], CPU)
    assert found.places == len(values) == len(row) - 1
    assert found.steps[0].log_probability == pytest.approx(sum(values) / len(values), rel=1e-6)
    inputs, targets = torch.tensor([row[:-1]]), torch.tensor(row[1:])
    with torch.no_grad():
        features, _ = model.decoder.sequence(inputs, model.start(1))
        right = model.decoder.logits(features)[0].argmax(-1) == targets
    assert found.steps[0].accuracy == float(right.double().mean())


def test_looking_farther_changes_nothing_nearer() -> None:
    """But for the places near the end, which have not so many tokens to predict."""
    text = running()
    model = network(len(text.pipeline.vocab), cell="lstm")
    (row,) = text.rows(LINES[:20])
    near = predict_ahead(model, [row[:-5]], CPU, steps=2)
    far = predict_ahead(model, [row], CPU, steps=7)
    assert near.places == far.places
    for step, other in zip(near.steps, far.steps, strict=False):
        assert step == pytest.approx(other, rel=1e-6)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(1, 60))
def test_places_are_spread_evenly(counts: list[int], most: int) -> None:
    chosen = spread_evenly(counts, most)
    assert [len(places) for places in chosen] == [len(set(places)) for places in chosen]
    assert all(0 <= place < n for places, n in zip(chosen, counts, strict=True) for place in places)
    assert all(places == sorted(places) for places in chosen)
    total = sum(counts)
    assert sum(map(len, chosen)) == min(most, total)
    if total:
        starts = [sum(counts[:row]) for row in range(len(counts))]
        numbers = [s + place for s, places in zip(starts, chosen, strict=True) for place in places]
        gaps = {after - before for before, after in pairwise(numbers)}
        assert len(gaps) <= 2
        assert max(gaps, default=1) - min(gaps, default=1) <= 1


def test_fewer_places_are_a_part_of_them() -> None:
    text = running()
    model = network(len(text.pipeline.vocab))
    rows = text.rows(LINES)
    assert predict_ahead(model, rows, CPU, steps=3, places=20).places == 20
    first = predict_ahead(model, rows, CPU, steps=3, places=1).steps
    alone = predict_ahead(model, [rows[0][:4]], CPU, steps=3).steps
    for step, other in zip(first, alone, strict=True):
        assert step == pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize(
    ("rows", "options", "error", "message"),
    [
        ([[3, 4, 5]], {"steps": 3}, DataError, "there are no 3 tokens in a row to predict"),
        ([[3]], {"steps": 1}, DataError, "look fewer steps ahead"),
        ([], {}, DataError, "give more text"),
        ([[3, 4]], {"steps": 0}, SettingsError, "steps is 0"),
        ([[3, 4]], {"steps": 1, "places": 0}, SettingsError, "places is 0"),
    ],
)
def test_what_can_not_be_measured(
    rows: list[list[int]], options: dict[str, int], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        predict_ahead(network(9), rows, CPU, **options)
