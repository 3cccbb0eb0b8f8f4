"""Trainings on several corpora: joined, or in shares; with several validation sets."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import seq2seq
from seq2seq.config.corpora import CorpusSettings
from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.errors import DataError
from seq2seq.runs.run import Run
from seq2seq.training.trainer import Trainer
from seq2seq.translation.text import read_text
from seq2seq.translation.train import train

Describe = Callable[..., Experiment]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of letters to copy: 60 and 160 pairs, and two validation sets of 20."""
    folder = tmp_path_factory.mktemp("corpora")
    generator = random.Random(1)
    sizes = {"small": 60, "large": 160, "one": 20, "other": 20}
    for name, size in sizes.items():
        letters = "abcdef" if name != "large" else "efghij"
        lines = [" ".join([name[0], *generator.choices(letters, k=5)]) for _ in range(size)]
        table = "".join(f"{line}\t{line}\n" for line in lines)
        (folder / f"{name}.tsv").write_text(table, encoding="utf-8")
    return folder


def with_data(experiment: Experiment, **changes: object) -> Experiment:
    return replace(experiment, data=replace(experiment.data, **changes))


def two(files: Path, **changes: object) -> tuple[CorpusSettings, CorpusSettings]:
    """A small corpus and a large one, with equal shares."""
    large = {"tag": "<BT>", **changes}
    return (
        CorpusSettings(name="small", train=str(files / "small.tsv")),
        CorpusSettings(name="large", train=str(files / "large.tsv"), **large),
    )


def logged(experiment: Experiment, kind: str = "validation") -> list[dict[str, Any]]:
    lines = (Path(experiment.run) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


def weights(experiment: Experiment) -> dict[str, torch.Tensor]:
    return load_file(Path(experiment.run) / "last.safetensors")


def assert_same(one: Experiment, other: Experiment) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("sampled", [False, True])
def test_a_mix_of_one_corpus_is_plain_training(
    files: Path, experiment: Describe, sampled: bool
) -> None:
    text = {"validation_size": 9}
    if sampled:
        text |= {"tokenizer": "bpe", "vocab_size": 30, "subword_sampling": 0.3}
    path = str(files / "small.tsv")
    plain = with_data(experiment("plain", epochs=2), train=path, **text)
    mix = (CorpusSettings(name="only", train=path, weight=7),)
    mixed = with_data(experiment("mixed", epochs=2), mix=mix, **text)
    train(plain)
    train(mixed)
    assert_same(plain, mixed)


def test_shares_are_exact_and_told(
    files: Path, experiment: Describe, capsys: pytest.CaptureFixture[str]
) -> None:
    described = with_data(
        experiment(epochs=3), mix=two(files, weight=3), validation=str(files / "one.tsv")
    )
    train(described)
    said = capsys.readouterr().err
    assert "small: 60 training pairs, 25.0% of each epoch: 55, 0.92 times through" in said
    assert "large <BT>: 160 training pairs, 75.0% of each epoch: 165, 1.03 times through" in said
    assert "seen of small 165 pairs (2.75 times), large 495 pairs (3.09 times)" in said
    assert '"one.tsv" has no source or target in common with "small"' in said
    seen = [row["seen"] for row in logged(described)]
    assert [each["small"]["pairs"] for each in seen] == [55, 110, 165]
    assert [each["large"]["pairs"] for each in seen] == [165, 330, 495]
    stored = Run(described.run).experiment(Experiment)
    assert stored.data.mix == described.data.mix
    source, target = Run(described.run).pipelines(0.0)
    assert source.tokenizer.special_symbols == target.tokenizer.special_symbols == ("<BT>",)


def test_what_was_seen_is_counted_within_an_epoch(files: Path, experiment: Describe) -> None:
    described = with_data(
        experiment(max_steps=7, validate_every=1),
        mix=two(files),
        validation=str(files / "one.tsv"),
    )
    train(described)
    seen = [[each["pairs"] for each in row["seen"].values()] for row in logged(described)]
    assert all(sum(now) > sum(before) for before, now in pairwise(seen))
    for counts in zip(*seen, strict=True):
        assert [*counts] == sorted(counts)
    assert sum(seen[-1]) < 220


def test_temperature_makes_shares_of_sizes(files: Path) -> None:
    data = DataSettings(mix=two(files), mix_temperature=1, validation=str(files / "one.tsv"))
    found = {t: read_text(replace(data, mix_temperature=t), 1).mix for t in (1.0, 2.0, 1e6)}
    assert found[1.0].shares == pytest.approx([60 / 220, 160 / 220])
    assert found[2.0].shares == pytest.approx([60**0.5 / (60**0.5 + 160**0.5), 0.62020], abs=1e-4)
    assert found[1e6].shares == pytest.approx([0.5, 0.5], abs=1e-3)


def test_a_continued_mix_is_one_that_never_stopped(
    files: Path, experiment: Describe, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = {"mix": two(files), "validation": str(files / "one.tsv"), "tokenizer": "bpe"}
    text |= {"vocab_size": 40, "subword_sampling": 0.2}
    whole = with_data(experiment("whole", max_steps=12, validate_every=4, save_every=3), **text)
    killed = replace(whole, run=str(Path(whole.run).with_name("killed")))
    train(whole)
    update = Trainer.update

    def stopping(self: Trainer[Any], group: Any) -> None:
        if self.state.step == 5:  # in the first epoch, after the last checkpoint
            raise KeyboardInterrupt
        update(self, group)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "update", stopping)
        with pytest.raises(KeyboardInterrupt):
            train(killed)
    train(replace(killed, resume=True))
    assert_same(whole, killed)
    times = ("seconds", "tokens_per_second")
    first, second = (
        [{k: v for k, v in row.items() if k not in times} for row in logged(each)]
        for each in (whole, killed)
    )
    assert first == second


def test_files_are_joined_and_sets_have_their_scores(
    files: Path, experiment: Describe, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(files / f"{name}.tsv") for name in ("small", "large", "one", "other")]
    described = with_data(experiment(epochs=1), train=names[:2], validation=names[2:])
    train(described)
    said = capsys.readouterr().err
    for line in ("small.tsv: 60 pairs", "large.tsv: 160 pairs", "220 training pairs"):
        assert line in said
    (row,) = logged(described)
    assert row["sets"].keys() == {"one.tsv", "other.tsv"}
    assert row["sets"]["one.tsv"] == {"loss": row["loss"], "bleu": row["bleu"]}
    assert "    other.tsv: loss " in said
    assert "seen" not in row
    alone = with_data(experiment("alone", epochs=1), train=names[:2], validation=names[3])
    train(alone)
    assert logged(alone)[0]["loss"] == row["sets"]["other.tsv"]["loss"]
    table = "".join(Path(name).read_text(encoding="utf-8") for name in names[:2])
    joined = files / "joined.tsv"
    joined.write_text(table, encoding="utf-8")
    as_one = with_data(experiment("as one", epochs=1), train=str(joined), validation=names[3])
    train(as_one)
    assert_same(alone, as_one)
    more = with_data(replace(alone, resume=True), validation=names[2:])
    with pytest.raises(DataError, match=r"validation 2 text .* is not what"):
        train(with_data(more, validation=[names[3], names[2]]))


def test_filters_and_tags_are_of_each_corpus(files: Path, tmp_path: Path) -> None:
    twice = tmp_path / "twice.tsv"
    twice.write_text("<b>a</b>\ta\nb\tb\nb\tb\ns a b c d\tx\n", encoding="utf-8")
    held = tmp_path / "held.tsv"
    held.write_text("b\tb\n", encoding="utf-8")
    html = seq2seq.FilterSettings(html=True)
    corpora = (
        CorpusSettings(name="clean", train=str(twice), tag="<a>", filters=html),
        CorpusSettings(name="raw", train=str(twice), tag="<b>", validation=str(held)),
    )
    data = DataSettings(mix=corpora)
    text = read_text(data, 1)
    assert text.corpora.train.sources == [
        *("<a> b", "<a> b", "<a> s a b c d"),
        *("<b> <b>a</b>", "<b> b", "<b> b", "<b> s a b c d"),
    ]
    assert text.mix.sizes == [3, 4]
    assert text.corpora.validation.sources == ["<b> b"]
    assert text.corpora.validation.name == "raw: held.tsv"
    assert 'in common with "clean"' in [*text.lines()][3]
    without = read_text(replace(data, exclude_validation=True), 1)
    assert [part.sources for part in without.parts] == [["s a b c d"], ["<b>a</b>", "s a b c d"]]
    everywhere = replace(data, filters=seq2seq.FilterSettings(duplicates=True))
    assert [len(part) for part in read_text(everywhere, 1).parts] == [2, 1]


def test_a_corpus_is_scored_by_a_model_of_its_own(tmp_path: Path) -> None:
    kept = Path(__file__).parent.parent / "runs" / "format-2"
    pairs = ParallelCorpus.read(kept / "text.tsv")
    crawled = tmp_path / "crawled.tsv"
    shifted = [*pairs.targets[1:], pairs.targets[0]]
    rows = [*pairs, *zip(pairs.sources, shifted, strict=True)]
    crawled.write_text("".join(f"{source}\t{target}\n" for source, target in rows), "utf-8")
    scored = seq2seq.FilterSettings(forward_model=str(kept / "mix"), min_score=0.5)
    corpora = (
        CorpusSettings(name="clean", train=str(kept / "text.tsv")),
        CorpusSettings(name="crawled", train=str(crawled), filters=scored),
    )
    data = DataSettings(mix=corpora, validation=str(crawled))
    clean, left = read_text(data, 1, device="cpu").parts
    assert len(clean) == len(pairs)
    assert len({*left} & {*pairs}) > 0.9 * len({*pairs})
    assert len({*left} - {*pairs}) < 0.1 * len({*pairs})
    assert "for a score below 0.5" in str(left.report)


def test_zero_width_spaces_are_told(tmp_path: Path) -> None:
    rows = "".join(f"{name}\tចុង\u200bវាល\n" for name in "abc")
    (tmp_path / "km.tsv").write_text(rows, encoding="utf-8")
    data = DataSettings(train=str(tmp_path / "km.tsv"), validation=str(tmp_path / "km.tsv"))
    notes = [line for line in read_text(data, 1).lines() if line.startswith("note:")]
    assert len(notes) == 1
    assert "14% of the characters of the target text are zero width spaces (U+200B)" in notes[0]
    (tmp_path / "km.tsv").write_text(rows.replace("\u200b", "\u200d"), encoding="utf-8")
    assert not any(line.startswith("note:") for line in read_text(data, 1).lines())


def test_validation_text_of_a_mix_is_of_its_first_corpus(files: Path) -> None:
    text = read_text(DataSettings(mix=two(files), validation_size=10), 1)
    assert [len(part) for part in text.parts] == [50, 160]
    assert len(text.corpora.validation) == 10
    assert all(source.startswith("s ") for source in text.corpora.validation.sources)


def test_what_corpora_agree_on_is_said_of_the_model(tmp_path: Path) -> None:
    corpora = []
    for target in ("fr", "de"):
        (tmp_path / f"x.{target}").write_text("un\n", encoding="utf-8")
        (tmp_path / "x.en").write_text("one\n", encoding="utf-8")
        sides = {"train": str(tmp_path / "x.en"), "train_target": str(tmp_path / f"x.{target}")}
        corpora.append(CorpusSettings(name=target, tag=f"<2{target}>", **sides))
    first = corpora[0]
    sides = {"validation": first.train, "validation_target": first.train_target}
    data = DataSettings(mix=tuple(corpora), **sides)
    about = read_text(data, 1).corpora.train.about
    assert (about.source_language, about.target_language) == ("en", "")


def test_mixed_fine_tuning(files: Path, experiment: Describe) -> None:
    """Chu et al. (2017): the old text, tagged, beside the new."""
    text = {"mix": two(files), "validation": str(files / "one.tsv")}
    general = with_data(experiment("general", epochs=1), train=str(files / "large.tsv"))
    train(with_data(general, validation_size=9))

    def going_on(name: str, parent: Experiment) -> Experiment:
        described = with_data(experiment(name, epochs=1), **text)
        return replace(described, model=replace(described.model, initialize=parent.run))

    tuned = going_on("tuned", general)
    with pytest.raises(seq2seq.SettingsError, match=r"corpus large: tag <BT> is no symbol of"):
        train(tuned)
    train(with_data(tuned, extend_vocabulary=True))
    assert Run(tuned.run).pipelines(0.0)[0].tokenizer.special_symbols == ("<BT>",)
    train(going_on("again", tuned))
