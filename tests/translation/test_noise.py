"""Trainings with noise: it is on training sources alone, and each epoch has its own."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.noise import NoiseSettings
from seq2seq.data.batching import Batch
from seq2seq.data.parallel import Corpora
from seq2seq.errors import SettingsError
from seq2seq.models.translation import build_translation_model
from seq2seq.translation.initialization import make_pipelines
from seq2seq.translation.task import TranslationTask
from seq2seq.translation.train import train

Describe = Callable[..., Experiment]
BPE = {"tokenizer": "bpe", "vocab_size": 30}
NOISE = NoiseSettings(drop=0.2, typos=0.2, blank=0.1)


def task_of(experiment: Experiment, corpora: Corpora, **data: object) -> TranslationTask:
    experiment = replace(experiment, data=DataSettings(**data))
    source, target = make_pipelines(corpora.train, experiment.data, experiment.model)
    sizes = len(source.pipeline.vocab), len(target.pipeline.vocab)
    model = build_translation_model(*sizes, experiment.model)
    return TranslationTask(model, corpora, source, target, experiment)


def sides(batches: Sequence[Batch]) -> tuple[list[list[int]], list[list[int]]]:
    """All sources and all targets of some batches, without order."""
    return tuple(
        sorted(row.tolist()[:length] for batch in batches for row, length in rows_of(batch, side))
        for side in ("source", "target")
    )


def rows_of(batch: Batch, side: str) -> zip:
    ids = batch.source if side == "source" else batch.target_output
    return zip(ids, batch.source_lengths if side == "source" else batch.target_lengths, strict=True)


@pytest.mark.parametrize("sampled", [{}, {"subword_sampling": 0.3, "sampled_side": "source"}])
def test_noise_is_on_training_sources_and_new_in_each_epoch(
    experiment: Describe, letters: Corpora, sampled: dict[str, object]
) -> None:
    data = {**BPE, **sampled}
    plain = task_of(experiment(), letters, **data)
    noisy = task_of(experiment(), letters, noise=NOISE, **data)
    first, second = sides(noisy.batches(0)), sides(noisy.batches(1))
    assert first[0] != second[0]
    assert first[0] != sides(plain.batches(0))[0]
    assert first[1] == second[1] == sides(plain.batches(0))[1], "targets stay"
    assert noisy.sets == plain.sets, "validation text stays"
    together = task_of(experiment(processes=2), letters, noise=NOISE, **data)
    assert sides(together.batches(1)) == second, "whatever came before, and with more processes"
    other = task_of(replace(experiment(), seed=2), letters, noise=NOISE, **data)
    assert sides(other.batches(1))[0] != second[0]


def test_noise_is_shown(
    experiment: Describe, letters: Corpora, capsys: pytest.CaptureFixture[str]
) -> None:
    described = replace(
        experiment(max_steps=1),
        dry_run=True,
        data=DataSettings(**BPE, noise=NoiseSettings(drop=0.9)),
    )
    train(described, letters)
    text = letters.train.sources[0]
    assert f"  with noise: {text} -> " in capsys.readouterr().out
    useless = replace(described, data=replace(described.data, noise=NoiseSettings(lowercase=1)))
    with pytest.raises(SettingsError, match=r"--data.noise.lowercase 1 has no effect: no source"):
        train(useless, letters)
