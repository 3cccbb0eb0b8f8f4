"""A batch equals its sentences one by one, over every cell, attention, context and order."""

import pytest
import torch

from seq2seq.data.batching import make_batch
from seq2seq.decoding.interface import select_rows
from tests.support.models import (
    SOURCES,
    TARGETS,
    Build,
    every_cell,
    every_kind,
    log_probs,
    variants,
)


@pytest.mark.slow
@every_kind
@every_cell
@torch.no_grad()
def test_a_batch_equals_its_sentences_one_by_one_in_any_order(
    tiny_model: Build, cell: str, attention: str
) -> None:
    order = [3, 0, 4, 2, 1]
    shuffled = make_batch([SOURCES[row] for row in order], [TARGETS[row] for row in order])
    for model in variants(tiny_model, cell, attention):
        together, mixed = log_probs(model, make_batch(SOURCES, TARGETS)), log_probs(model, shuffled)
        for place, row in enumerate(order):
            alone = log_probs(model, make_batch([SOURCES[row]], [TARGETS[row]]))[0]
            torch.testing.assert_close(together[row, : len(alone)], alone)
            torch.testing.assert_close(mixed[place, : len(alone)], alone)


@pytest.mark.slow
@every_kind
@every_cell
@torch.no_grad()
def test_selected_rows_of_a_state_step_as_the_rows_do(
    tiny_model: Build, cell: str, attention: str
) -> None:
    batch = make_batch(SOURCES, TARGETS)
    tokens, rows = torch.tensor([4, 5, 6, 7, 8]), torch.tensor([2, 0, 2, 3, 3, 4])
    for model in variants(tiny_model, cell, attention):
        start = model.start(batch.source, batch.source_lengths)
        _, state = model.step(batch.target_input[:, 0], start)
        before = select_rows(state, torch.arange(5))  # a copy
        expected, after = model.step(tokens, state)
        found, found_after = model.step(tokens[rows], select_rows(state, rows))
        torch.testing.assert_close(found, expected[rows])
        torch.testing.assert_close(found_after, select_rows(after, rows))
        torch.testing.assert_close(state, before, rtol=0, atol=0)  # a step changes no state
