"""A run is opened once, and a model is loaded without a random number."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.errors import RunError
from seq2seq.models.cells.registry import CELLS
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.runs import run as module
from seq2seq.runs.checkpoint import build_without_memory, named_weights, set_parameters
from seq2seq.runs.metadata import checksum
from seq2seq.runs.run import Run
from seq2seq.translation.translator import Translator

KEPT = Path(__file__).parent / "format-2" / "translation"

KINDS: list[dict[str, Any]] = [
    {"cell": cell, "attention": "scaled-general", "lexical": True} for cell in CELLS
] + [
    {"attention": "additive", "context": "both", "coverage": True, "input_feeding": True},
    {"attention": "multi-head", "lexical": False},
    {"attention": "local", "shared_embedding": True},
    {"attention": "none", "embedding": "one-hot", "tied_output": False, "context": "every-step"},
]


@pytest.mark.parametrize("settings", KINDS, ids=lambda values: " ".join(map(str, values.values())))
def test_a_model_from_tensors_is_the_model(settings: dict[str, Any]) -> None:
    sizes = {"embedding_size": 6, "encoder_sizes": (5,), "decoder_sizes": (7,), "dropout": 0.0}

    def build() -> TranslationModel:
        return build_translation_model(11, 11, ModelSettings(**{**sizes, **settings}))

    model = build().eval()
    before = torch.get_rng_state()
    loaded = build_without_memory(build).eval()
    assert torch.equal(before, torch.get_rng_state())
    assert all(weight.is_meta for weight in loaded.parameters())
    set_parameters(loaded, {name: each.detach() for name, each in named_weights(model).items()})
    names = [[n for n, _ in m.named_parameters(remove_duplicate=False)] for m in (model, loaded)]
    assert names[0] == names[1]
    assert len(list(model.parameters())) == len(list(loaded.parameters()))  # tied ones are tied
    for one, other in zip(model.parameters(), loaded.parameters(), strict=True):
        assert one.requires_grad == other.requires_grad
        assert torch.equal(one, other)
    source, lengths = torch.randint(4, 11, (3, 5)), torch.tensor([5, 3, 1])
    target = torch.randint(4, 11, (3, 4))
    assert torch.equal(model(source, lengths, target), loaded(source, lengths, target))


def test_the_description_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    original = module.read_metadata
    monkeypatch.setattr(module, "read_metadata", lambda run: read.append(run) or original(run))
    assert Translator.load(Run(KEPT), "cpu").translate("Emma")
    assert len(read) == 1


def test_a_model_too_large_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    copy = Path(shutil.copytree(KEPT, tmp_path / "run"))
    values = json.loads((copy / "experiment.json").read_text(encoding="utf-8"))
    for size in (2**40, 10**30):
        values["experiment"]["model"]["decoder_sizes"] = [size]
        values["sha256"] = checksum(values)
        (copy / "experiment.json").write_text(json.dumps(values), encoding="utf-8")
        with pytest.raises(RunError):
            Translator.load(copy, "cpu")


def test_a_run_hands_out_its_settings_as_the_class_that_is_asked_for() -> None:
    run = Run(KEPT)
    assert run.kind == Experiment.KIND
    experiment = run.experiment(Experiment)
    assert experiment.run == str(KEPT)
    assert experiment.model.cell == "gru"
    # Settings that the first runs of this format lack are as they were then.
    assert not experiment.model.lexical
