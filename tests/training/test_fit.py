"""`fit`: any module trained by the trainer of all recipes."""

import signal
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seq2seq import CELLS, SettingsError, TrainingError, TrainingSettings, fit

Example = tuple[Tensor, int]
SETTINGS = TrainingSettings(
    epochs=6, batch_tokens=200, learning_rate=2e-2, warmup_steps=5, threads=1, precision="float32"
)


class SignOfSum(nn.Module):
    """Reads numbers and says whether their sum is positive."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.cell = CELLS["gru"](1, 8)
        self.output = nn.Linear(8, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs, _ = self.cell.sequence(inputs, self.cell.zero_state(inputs))
        logits: Tensor = self.output(outputs[:, -1])
        return logits

    def losses(self, examples: list[Example]) -> Tensor:
        inputs = torch.stack([each for each, _ in examples])
        targets = torch.tensor([label for _, label in examples])
        return F.cross_entropy(self(inputs), targets, reduction="none")

    def accuracy(self, examples: list[Example]) -> float:
        right = [bool(self(each[None]).argmax() == label) for each, label in examples]
        return sum(right) / len(right)


def draw(count: int) -> list[Example]:
    inputs = torch.randn(count, 7, 1, generator=torch.Generator().manual_seed(1))
    return [(each, int(each.sum() > 0)) for each in inputs]


def run(settings: TrainingSettings, *, score: bool = True) -> tuple[SignOfSum, list[Example], str]:
    model, examples = SignOfSum(), draw(350)
    held_out = examples[250:]
    reason = fit(
        model,
        examples[:250],
        held_out,
        model.losses,
        settings,
        length=lambda example: len(example[0]),
        score=(lambda: model.accuracy(held_out)) if score else None,
    )
    return model, held_out, reason


def test_a_module_learns_and_ends_with_its_best_weights(capfd: pytest.CaptureFixture[str]) -> None:
    model, held_out, reason = run(SETTINGS)
    shown = capfd.readouterr().err
    best = max(float(line.split("score ")[1].split()[0]) for line in shown.splitlines())
    assert reason == "the budget is used up"
    assert model.accuracy(held_out) == pytest.approx(best)
    assert best >= 0.9
    assert not model.training
    assert "perplexity" not in shown  # the loss need not be a likelihood


def test_without_a_score_the_loss_decides(capfd: pytest.CaptureFixture[str]) -> None:
    model, held_out, _ = run(SETTINGS, score=False)
    shown = capfd.readouterr().err.splitlines()
    best = min(float(line.split("loss ")[1].split()[0]) for line in shown)
    with torch.no_grad():
        assert float(model.losses(held_out).mean()) == pytest.approx(best, abs=1e-3)


def test_the_same_seed_gives_the_same_weights() -> None:
    one, other = run(SETTINGS)[0], run(SETTINGS)[0]
    assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (replace(SETTINGS, epochs=None), "budget"),
        (replace(SETTINGS, label_smoothing=0.2), "--training.label-smoothing has no effect"),
        (replace(SETTINGS, processes=2), "--training.processes has no effect"),
        (replace(SETTINGS, learning_rate=-1.0), "--training.learning-rate"),
    ],
)
def test_what_has_no_effect_is_refused(settings: TrainingSettings, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        run(settings)


def test_no_examples_are_refused() -> None:
    model = SignOfSum()
    with pytest.raises(SettingsError, match="no examples"):
        fit(model, draw(5), [], model.losses, SETTINGS, length=len)


def test_a_loss_that_is_not_finite_ends_it() -> None:
    model = SignOfSum()
    with pytest.raises(TrainingError, match="not finite"):
        fit(
            model,
            draw(50),
            draw(5),
            lambda examples: model.losses(examples) * float("nan"),
            SETTINGS,
            length=lambda example: len(example[0]),
        )


def test_ctrl_c_ends_it_and_all_that_would_follow(capfd: pytest.CaptureFixture[str]) -> None:
    model = SignOfSum()

    def losses(examples: list[Example]) -> Tensor:
        signal.raise_signal(signal.SIGINT)
        return model.losses(examples)

    with pytest.raises(KeyboardInterrupt):
        fit(model, draw(50), draw(5), losses, SETTINGS, length=lambda example: len(example[0]))
    assert capfd.readouterr().err == "\nStopping as soon as this step is done.\n"


def test_a_mean_is_no_loss_of_each_example() -> None:
    model = SignOfSum()
    with pytest.raises(SettingsError, match=r'one number for .* examples.*reduction="none"'):
        fit(
            model,
            draw(50),
            draw(5),
            lambda examples: model.losses(examples).mean(),
            SETTINGS,
            length=lambda example: len(example[0]),
        )
