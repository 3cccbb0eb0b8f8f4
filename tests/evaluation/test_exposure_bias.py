"""Exposure bias: a table worked by hand, and a plain loop over one sentence at a time."""

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from seq2seq.data.batching import pad_sources
from seq2seq.data.vocabulary import BOS_ID, EOS_ID, PAD_ID, UNK_ID
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.greedy import greedy_search
from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.exposure_bias import PositionScores, measure_exposure_bias
from seq2seq.models.translation import TranslationModel

CPU = torch.device("cpu")
A, B = 4, 5


class TableState(NamedTuple):
    """Nothing to carry: the next token depends on the last one."""

    rows: Tensor


class Table:
    """p(next | previous), the same for every source: bos -> B surely enough; B -> B; A -> eos."""

    def __init__(self) -> None:
        probabilities = torch.full((6, 6), 0.02)
        probabilities[BOS_ID, A], probabilities[BOS_ID, B] = 0.3, 0.6
        probabilities[A, EOS_ID], probabilities[A, B] = 0.7, 0.2
        probabilities[B, B], probabilities[B, EOS_ID] = 0.5, 0.3
        # unk is the most probable token after eos, but greedy search never takes it: A comes.
        probabilities[EOS_ID, UNK_ID], probabilities[EOS_ID, A] = 0.5, 0.4
        self.log_probs = probabilities.log()

    def start(self, source: Tensor, lengths: Tensor) -> TableState:
        return TableState(torch.arange(len(lengths)))

    def step(self, tokens: Tensor, state: TableState) -> tuple[Tensor, TableState]:
        return self.log_probs[tokens], state


def test_a_table_by_hand() -> None:
    """References A eos and B B eos; the model's own history is B B …"""
    found = measure_exposure_bias(Table(), [[A], [B]], [[A], [B, B]], CPU)
    logs = math.log
    expected = [
        # bos -> A (wrong: B is likelier), bos -> B (right), in both histories the same
        PositionScores(2, 0, 0.5, 0.5, (logs(0.3) + logs(0.6)) / 2, (logs(0.3) + logs(0.6)) / 2),
        # A -> eos is right, but after its own B eos is wrong; B -> B is right in both
        PositionScores(2, 0, 1.0, 0.5, (logs(0.7) + logs(0.5)) / 2, (logs(0.3) + logs(0.5)) / 2),
        # B -> eos is wrong in both: B is likelier
        PositionScores(1, 0, 0.0, 0.0, logs(0.3), logs(0.3)),
    ]
    assert len(found.positions) == 3
    for got, wanted in zip(found.positions, expected, strict=True):
        assert got == pytest.approx(wanted, rel=1e-6)
    assert found.positions[1].accuracy_gap == 0.5
    assert found.positions[1].log_probability_gap == pytest.approx(logs(0.7 / 0.3) / 2, rel=1e-5)
    total = found.total
    assert (total.tokens, total.ended) == (5, 0)
    assert total.reference_accuracy == pytest.approx(3 / 5)
    assert total.own_accuracy == pytest.approx(2 / 5)
    assert total.own_log_probability == pytest.approx(
        (logs(0.3) + logs(0.6) + logs(0.3) + logs(0.5) + logs(0.3)) / 5, rel=1e-6
    )


def test_the_own_history_goes_on_after_its_eos_as_greedy_search_would_feed_it() -> None:
    table = Table()
    table.log_probs[BOS_ID, A] = math.log(0.9)  # its own: A eos A eos …
    found = measure_exposure_bias(table, [[A]], [[B, B, A, B]], CPU)
    assert [position.ended for position in found.positions] == [0, 0, 1, 1, 1]
    own = [math.log(p) for p in (0.6, 0.2, 0.4, 0.2, 0.02)]
    assert [p.own_log_probability for p in found.positions] == pytest.approx(own, rel=1e-6)
    # After eos, unk is the most probable: no right answer, though the history has A there.
    assert [p.own_accuracy for p in found.positions] == [0] * 5


def test_unknown_tokens_of_a_reference_can_be_right() -> None:
    found = measure_exposure_bias(Table(), [[A]], [[UNK_ID]], CPU)
    assert found.positions[0].reference_accuracy == 0
    table = Table()
    table.log_probs[BOS_ID, UNK_ID] = 0
    assert measure_exposure_bias(table, [[A]], [[UNK_ID]], CPU).positions[0].own_accuracy == 1


def test_a_model_that_gives_its_references_has_no_gap(
    tiny_model: Callable[..., TranslationModel],
) -> None:
    """Where the reference is the greedy translation, both histories are the same."""
    model = lively(tiny_model(cell="gru"))
    sources, _ = some_text()
    source, lengths = pad_sources(sources)
    constraints = Constraints(torch.full((len(sources),), 6))
    targets = [
        best.tokens for best in greedy_search(model.step, model.start(source, lengths), constraints)
    ]
    found = measure_exposure_bias(
        model, sources, [target[:5] for target in targets], CPU, max_length=5
    )
    assert found.total.accuracy_gap == 0
    assert found.total.log_probability_gap == 0
    assert max(map(len, targets)) > 2


def lively(model: TranslationModel) -> TranslationModel:
    """The model with larger weights: it says other words for other sentences, and ends some."""
    with torch.no_grad():
        for weight in model.parameters():
            weight *= 5
        model.decoder.output.bias[EOS_ID] += 2
    return model


def some_text() -> tuple[list[list[int]], list[list[int]]]:
    generator = torch.Generator().manual_seed(1)

    def ids(size: int, least: int) -> list[int]:
        length = int(torch.randint(least, 9, (), generator=generator))
        return torch.randint(4, size, (length,), generator=generator).tolist()

    return [ids(11, 1) for _ in range(23)], [ids(13, 0) for _ in range(23)]


@torch.no_grad()
def plainly(
    model: TranslationModel, sources: list[list[int]], targets: list[list[int]], longest: int
) -> list[PositionScores]:
    """One sentence at a time, with lists."""
    rows: list[list[tuple[float, ...]]] = [[] for _ in range(longest)]
    for source, target in zip(sources, targets, strict=True):
        encoded = torch.tensor([[*source, EOS_ID]])
        state = own_state = model.start(encoded, torch.tensor([len(source) + 1]))
        previous = own = BOS_ID
        ended = False
        for place, wanted in enumerate([*target, EOS_ID][:longest]):
            log_probs, state = model.step(torch.tensor([previous]), state)
            own_log_probs, own_state = model.step(torch.tensor([own]), own_state)
            values, own_values = log_probs[0].tolist(), own_log_probs[0].tolist()
            rows[place].append(
                (
                    float(ended),
                    float(values.index(max(values)) == wanted),
                    float(own_values.index(max(own_values)) == wanted),
                    values[wanted],
                    own_values[wanted],
                )
            )
            allowed = set(range(len(own_values))) - {PAD_ID, UNK_ID, BOS_ID}
            previous, own = wanted, max(allowed, key=own_values.__getitem__)
            ended = ended or own == EOS_ID
    positions = []
    for found in filter(None, rows):
        ended_, *others = (list(column) for column in zip(*found, strict=True))
        means = (sum(column) / len(column) for column in others)
        positions.append(PositionScores(len(found), int(sum(ended_)), *means))
    return positions


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("batch_tokens", [1, 30, 4096])
@pytest.mark.parametrize("max_length", [30, 4])
def test_batches_equal_a_plain_loop(
    tiny_model: Callable[..., TranslationModel], cell: str, batch_tokens: int, max_length: int
) -> None:
    model = lively(tiny_model(cell=cell))
    sources, targets = some_text()
    found = measure_exposure_bias(
        model, sources, targets, CPU, max_length=max_length, batch_tokens=batch_tokens
    )
    expected = plainly(model, sources, targets, max_length)
    assert len(found.positions) == len(expected) == min(max_length, 9)
    for got, wanted in zip(found.positions, expected, strict=True):
        assert got == pytest.approx(wanted, rel=1e-5)
    assert found.total.tokens == sum(min(len(ids) + 1, max_length) for ids in targets)
    assert found.total.ended > 0
    assert found.total.log_probability_gap != 0


@pytest.mark.parametrize(
    ("sources", "targets", "max_length", "error", "message"),
    [
        ([[4]], [], 3, DataError, "1 source but 0 references"),
        ([], [], 3, DataError, "nothing to predict"),
        ([[4]], [[4]], 0, SettingsError, "at least 1"),
    ],
)
def test_what_can_not_be_measured(
    sources: list[list[int]],
    targets: list[list[int]],
    max_length: int,
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message):
        measure_exposure_bias(Table(), sources, targets, CPU, max_length=max_length)
