"""Cells and kinds of attention that a script adds: honoured where they are, refused elsewhere."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import seq2seq
from seq2seq import (
    ATTENTIONS,
    CELLS,
    Cell,
    Corpora,
    Experiment,
    LanguageModelSettings,
    ModelSettings,
    ParallelCorpus,
    RunError,
    SettingsError,
    TrainingSettings,
    Translator,
)
from seq2seq.models.attention.scores import DotAttention
from seq2seq.models.cells.base import CellState
from seq2seq.models.dropout import DropoutMasks

PAIRS = ParallelCorpus(["a b", "b a", "c a b"] * 4, ["x y", "y x", "z x y"] * 4, "pairs")
MODEL = ModelSettings(embedding_size=8, encoder_sizes=(4,), decoder_sizes=(8,), lexical=False)


class SecondOrderCell(Cell):
    """Giles et al. (1992): each weight is multiplied with a unit of the state and an input."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(hidden_size)
        self.bilinear = nn.Bilinear(hidden_size, input_size, hidden_size)

    def project_inputs(self, inputs: Tensor) -> Tensor:
        return inputs

    def update(self, projected: Tensor, state: CellState, masks: DropoutMasks) -> CellState:
        return (torch.sigmoid(self.bilinear(state[0], projected)),)


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell and an attention of a script's own, for one test."""
    monkeypatch.setitem(CELLS, "second-order", SecondOrderCell)
    monkeypatch.setitem(ATTENTIONS, "mine", lambda settings, query, memory: DotAttention(8, memory))


def experiment(run: Path, **settings: object) -> Experiment:
    return Experiment(
        run=str(run),
        model=ModelSettings(**{**vars(MODEL), **settings}),  # type: ignore[arg-type]
        training=TrainingSettings(max_steps=2, warmup_steps=1, validate_every=2, threads=1),
    )


def test_no_settings_name_what_nobody_added(tmp_path: Path) -> None:
    for settings, name in [
        ({"cell": "second-order"}, r"CELLS\['second-order'\]"),
        ({"attention": "mine"}, r"ATTENTIONS\['mine'\]"),
    ]:
        with pytest.raises(SettingsError, match=name):
            experiment(tmp_path / "run", **settings)
    with pytest.raises(SettingsError, match=r"did you mean gru\? If it is your own"):
        experiment(tmp_path / "run", cell="grus")


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("settings", [{"cell": "second-order"}, {"attention": "mine"}])
def test_a_run_needs_the_name_it_was_trained_with(
    tmp_path: Path, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    seq2seq.train(experiment(run, **settings), Corpora(PAIRS, PAIRS))
    translations = Translator.load(run).translate(["a b", "c"])
    assert Translator.load(run).translate(["a b", "c"]) == translations
    monkeypatch.undo()
    with pytest.raises(RunError, match=r"If it is your own, your script adds it first") as caught:
        Translator.load(run)
    assert str(run) in str(caught.value)
    done = subprocess.run(
        [sys.executable, "-m", "seq2seq", "translate", str(run)],
        input="a b\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "experiment.json" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("own")
def test_a_command_line_of_the_script_takes_the_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--run", str(tmp_path / "run"), "--model.cell", "second-order"]
    settings = seq2seq.parse_experiment(experiment(tmp_path / "other"), arguments)
    assert settings.model.cell == "second-order"
    default = experiment(tmp_path / "other", cell="second-order")
    assert seq2seq.parse_experiment(default, []).model.cell == "second-order"
    with pytest.raises(SystemExit):
        seq2seq.parse_experiment(experiment(tmp_path / "other"), ["--help"])
    assert "second-order" in capsys.readouterr().out


def test_other_names_are_refused_on_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="elman-sigmoid"):
        seq2seq.parse_experiment(experiment(tmp_path / "run"), ["--model.cell", "second-order"])


@pytest.mark.usefixtures("own")
def test_a_language_model_may_have_it_too() -> None:
    model = seq2seq.build_language_model(
        7,
        LanguageModelSettings(cell="second-order", embedding_size=4, sizes=(4,)),  # type: ignore[arg-type]
    )
    assert any(isinstance(each, SecondOrderCell) for each in model.modules())
