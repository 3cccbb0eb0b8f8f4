"""Parts of a model that stay as they are: no gradient, and so no part in clipping."""

from collections.abc import Callable

import pytest
import torch

from seq2seq.config.training import TrainingSettings
from seq2seq.errors import SettingsError
from seq2seq.models.freezing import PARTS, describe_frozen, freeze
from seq2seq.models.translation import TranslationModel
from seq2seq.training.optimizer import build_optimizer, clip_gradients

Build = Callable[..., TranslationModel]
SOURCE, LENGTHS = torch.tensor([[4, 5, 2], [6, 7, 2]]), torch.tensor([3, 3])
TARGET = torch.tensor([[2, 5, 7], [2, 9, 6]])


@pytest.mark.parametrize("part", PARTS)
def test_the_norm_is_that_of_the_rest(tiny_model: Build, part: str) -> None:
    model = tiny_model(attention="general", lexical=True, context="initial")
    freeze(model, [part])
    model(SOURCE, LENGTHS, TARGET).square().sum().backward()
    named = dict(model.named_parameters())
    learns = {name for name in named if not name.startswith(PARTS[part])}
    assert {name for name, weight in named.items() if weight.grad is not None} == learns
    squares = [float(named[name].grad.square().sum()) for name in learns]  # type: ignore[union-attr]
    norm = clip_gradients(model.parameters(), TrainingSettings(clip_norm=1.0))
    assert norm == pytest.approx(sum(squares) ** 0.5, rel=1e-5)
    (group,) = build_optimizer(model, TrainingSettings()).param_groups
    assert len(group["params"]) == len(learns)


def test_a_tied_weight_is_frozen_with_either_part_and_counts_once(tiny_model: Build) -> None:
    model = tiny_model(tied_output=True)
    freeze(model, ["target-embedding"])
    assert not model.decoder.output.weight.requires_grad
    bias = model.decoder.output.bias
    assert bias is not None
    assert bias.requires_grad
    all_weights = sum(weight.numel() for weight in model.parameters())
    assert describe_frozen(model) == f"{13 * 5} of {all_weights:,} weights are frozen"


def test_what_is_not_there_and_all_there_is_can_not_be_frozen(tiny_model: Build) -> None:
    with pytest.raises(SettingsError, match=r"--training.freeze attention: this model has no"):
        freeze(tiny_model(), ["attention"])
    with pytest.raises(SettingsError, match="leaves nothing to learn"):
        freeze(tiny_model(), ["encoder", "decoder"])
