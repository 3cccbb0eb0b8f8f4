"""Shapes that can't be meant are refused in words, where torch would read them or complain."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from seq2seq.data.batching import make_batch
from seq2seq.errors import DataError, SettingsError
from seq2seq.models.bridge import Bridge
from seq2seq.models.cells.base import Cell
from seq2seq.models.rnn import EncoderStack, RecurrentStack
from seq2seq.models.translation import TranslationModel

BATCH = make_batch([[4, 5, 6], [7, 8]], [[6, 7, 6, 8], [4]])
Build = Callable[..., TranslationModel]


@pytest.mark.parametrize(
    ("shape", "lengths"),
    [
        ((5, 2, 3), [5, 5]),  # time first
        ((2, 5, 4), [5, 5]),  # another width
        ((2, 5), [5, 5]),
        ((2, 5, 3), [5, 6]),
        ((2, 5, 3), [5, 0]),
        ((2, 5, 3), [5]),
        ((2, 5, 3), []),
    ],
)
def test_an_encoder_stack_says_what_it_reads(shape: tuple[int, ...], lengths: list[int]) -> None:
    stack = EncoderStack("gru", 3, (4,))
    with pytest.raises(SettingsError, match=r"\(batch_size, length, 3\), batch first") as caught:
        stack.sequence(torch.zeros(shape), torch.tensor(lengths))
    assert str(shape) in str(caught.value)
    stack.sequence(torch.zeros(2, 5, 3), torch.tensor([5, 1]))


def test_a_decoder_stack_says_what_it_reads() -> None:
    stack = RecurrentStack("gru", 3, (4,))
    state = stack.zero_state(torch.zeros(2, 1))
    stack.sequence(torch.zeros(2, 5, 3), state)
    for run, shape in ((stack.sequence, (2, 5, 4)), (stack.step, (2, 4))):
        with pytest.raises(SettingsError, match="last number is 3"):
            run(torch.zeros(shape), state)
    with pytest.raises(SettingsError, match=r"\(batch_size, length, input_size\)"):
        stack.sequence(torch.zeros(5, 2, 3), state)


def test_a_model_refuses_batches_that_are_time_first(tiny_model: Build) -> None:
    model = tiny_model()
    source, lengths, target = BATCH.source, BATCH.source_lengths, BATCH.target_input
    assert model(source, lengths, target).shape == (2, 5, model.decoder.output.out_features)
    with pytest.raises(SettingsError, match=r"\(batch_size, length\), batch first"):
        model(source.T, lengths, target)
    with pytest.raises(SettingsError, match=r"tokens are \(batch_size, target_length\)"):
        model(source, lengths, target.T)
    state = model.start(source, lengths)
    for tokens in (target[:1, 0], target, target[0]):
        with pytest.raises(SettingsError, match=r"tokens are \(batch_size,\).* 2 rows"):
            model.step(tokens, state)


def test_a_bridge_says_how_many_tensors_a_state_has() -> None:
    encoder = EncoderStack("lstm", 3, (4,))
    _, context = encoder.sequence(torch.zeros(2, 5, 3), torch.tensor([5, 5]))
    with pytest.raises(SettingsError, match=r"state_tensors=1, and .* states of 2"):
        Bridge([8], [8], state_tensors=1)(context)
    assert len(Bridge([8], [8], state_tensors=2)(context)[0]) == 2


class Careless(Cell):
    """A cell that returns no tuple."""

    def __init__(self) -> None:
        super().__init__(4)

    def project_inputs(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs

    def update(self, projected: Any, state: Any, masks: Any) -> Any:
        return torch.tanh(projected + state[0])


@pytest.mark.parametrize("rows", [1, 2])
def test_a_cell_of_ones_own_returns_a_state(rows: int) -> None:
    cell = Careless()
    state = cell.zero_state(torch.zeros(rows, 4))
    with pytest.raises(SettingsError, match=r"Careless.update must return .* 1 × \(\d, 4\)"):
        cell.step(torch.zeros(rows, 4), state)


def test_sources_and_targets_are_pairs() -> None:
    with pytest.raises(DataError, match="2 sources and 1 targets are no pairs"):
        make_batch([[5], [6]], [[5]])
