"""seq2seq prepare, and trainings on what it made: sources, resuming, the same weights, errors."""

import json
import random
import re
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pytest
import torch
from pyarrow import parquet

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.filters import FilterSettings
from seq2seq.config.noise import NoiseSettings
from seq2seq.data import buckets
from seq2seq.data.buckets import BatchLimits, EpochBatches
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.prepared import PreparedText
from seq2seq.data.readers.headers import Columns
from seq2seq.data.readers.hub import stream_hub
from seq2seq.data.readers.sources import find_text
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.tensors import load_tensors
from seq2seq.translation import text_shards
from seq2seq.translation.preparing import prepare_text
from seq2seq.translation.text_shards import Preparation
from seq2seq.translation.train import train

Describe = Callable[..., Experiment]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards of two blocks, and buffers of three."""
    monkeypatch.setattr(text_shards, "BLOCK", 16)
    monkeypatch.setattr(text_shards, "SHARD", 32)
    monkeypatch.setattr(buckets, "BUFFER", 3)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of letters to copy: 160 pairs, and 20 for validation."""
    folder = tmp_path_factory.mktemp("corpora")
    generator = random.Random(1)
    for name, size in (("pairs", 160), ("held", 20)):
        lines = [f"{n % 70} {' '.join(generator.choices('abcdef', k=5))}" for n in range(size)]
        table = "".join(f"{line}\t{line}\n" for line in lines)
        (folder / f"{name}.tsv").write_text(table, encoding="utf-8")
    return folder


def prepare(folder: Path, *names: Path | str, **settings: Any) -> PreparedText:
    options = {name: settings.pop(name) for name in ("workers", "sample") if name in settings}
    data = DataSettings(**{"tokenizer": "space", "validation_size": 9, **settings})
    return prepare_text(Preparation(find_text([*map(str, names)]), data, **options), folder)


def texts(text: PreparedText) -> list[tuple[str, str]]:
    """All pairs, in order."""
    source, target = text.pipelines()
    found: list[tuple[str, str]] = []
    for number in range(len(text.blocks)):
        block = text.read(number)
        for row in range(block.lengths.shape[1]):
            ids = block.source.row(row).tolist(), block.target.row(row).tolist()
            found.append((source.decode(ids[0]), target.decode(ids[1])))
    return found


# ---------------------------------------------------------------------------------------------
# What is prepared


def write_copies(files: Path, folder: Path) -> dict[str, list[str]]:
    """The same pairs in several kinds of files, each with the names to give."""
    pairs = [line.split("\t") for line in (files / "pairs.tsv").read_text().splitlines()]
    rows = [{"source": source, "target": target} for source, target in pairs]
    (folder / "hub" / "data").mkdir(parents=True)
    for number, part in enumerate((rows[:100], rows[100:])):
        lines = "".join(json.dumps(row) + "\n" for row in part)
        packed = str(folder / f"part-{number}.jsonl.zst")
        with pyarrow.CompressedOutputStream(packed, "zstd") as out:
            out.write(lines.encode())
        table = pyarrow.Table.from_pylist(part)
        parquet.write_table(table, folder / "hub" / "data" / f"train-0000{number}-of-00002.parquet")
    for side, name in enumerate(("a.source", "a.target")):
        (folder / name).write_text("".join(pair[side] + "\n" for pair in pairs))
    return {
        "table": [str(files / "pairs.tsv")],
        "pattern": [str(folder / "part-*.jsonl.zst")],
        "folder": [str(folder / "hub")],
        "two files": [str(folder / "a.source"), str(folder / "a.target")],
    }


def test_the_same_pairs_are_the_same_text_whatever_their_files(files: Path, tmp_path: Path) -> None:
    copies = write_copies(files, tmp_path)
    found = {
        kind: prepare(tmp_path / f"out {kind}", *names, validation=str(files / "held.tsv"))
        for kind, names in copies.items()
    }
    assert len({text.key for text in found.values()}) == 1
    pairs = ParallelCorpus.read(files / "pairs.tsv")
    assert texts(found["pattern"]) == [tuple(pair) for pair in pairs]
    names = [path.name for path in found["table"].sizes]
    assert names == [f"pairs-0000{n}.arrow" for n in range(5)]


def test_a_dataset_of_the_hub_is_streamed(files: Path, tmp_path: Path) -> None:
    """`datasets` streams a folder as it streams the Hub."""
    write_copies(files, tmp_path)
    name, columns = str(tmp_path / "hub"), Columns(("source", "target"))
    pairs = ParallelCorpus.read(files / "pairs.tsv")
    assert [tuple(row.texts or ()) for row in stream_hub(name, columns, "train")] == [*pairs]
    with pytest.raises(DataError, match="as a dataset on the Hub it can't be read"):
        next(iter(stream_hub(name, columns, "test")))
    with pytest.raises(DataError, match="there is no column 'score'"):
        next(iter(stream_hub(name, Columns(("source", "target"), ("source", "score")), "train")))


def test_pairs_are_dropped_and_counted_as_in_memory(files: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text(
        (files / "pairs.tsv").read_text() * 2 + "\tx\nlong " + "x " * 40 + "\ty\n"
    )
    filters = FilterSettings(duplicates=True, max_words=20)
    text = prepare(
        tmp_path / "out", tmp_path / "a.tsv", filters=filters, validation=str(files / "held.tsv")
    )
    assert str(text.report) == (
        "out: 322 pairs read, 1 dropped for an empty side, 160 as duplicates, 1 over 20 words, "
        "160 kept"
    )
    assert text.size().pairs == 160


def test_sources_are_set_aside_with_all_their_pairs(files: Path, tmp_path: Path) -> None:
    table = tmp_path / "pairs.tsv"
    table.write_text((files / "pairs.tsv").read_text() * 2)
    text = prepare(tmp_path / "out", table)
    held = text.validation()
    assert len({pair.source for pair in held}) == 9
    assert len(held) == 18
    assert not {pair.source for pair in held} & {source for source, _ in texts(text)}
    assert len(held) + text.size().pairs == 320
    assert "18 dropped for validation" in str(text.report)


def test_vocabularies_are_learned_from_a_sample(files: Path, tmp_path: Path) -> None:
    whole, some = (
        prepare(tmp_path / str(size), files / "pairs.tsv", sample=size) for size in (160, 40)
    )
    words = [{*text.pipelines()[0].vocab} for text in (whole, some)]
    assert words[1] < words[0]
    again = prepare(tmp_path / "again", files / "pairs.tsv", sample=40)
    assert again.key == some.key != whole.key


# ---------------------------------------------------------------------------------------------
# What was stopped


def test_what_was_stopped_goes_on_with_the_shards_that_are_left(
    files: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Something is in the way of a shard; then it is not."""
    whole = prepare(tmp_path / "whole", files / "pairs.tsv", workers=1)
    out = tmp_path / "out"
    (out / "pairs-00003.arrow").mkdir(parents=True)
    with pytest.raises(RunError, match=r"pairs-00003.arrow could not be written"):
        prepare(out, files / "pairs.tsv", workers=1)
    with pytest.raises(DataError, match="out is only half prepared: run the same command again"):
        PreparedText(out)
    with pytest.raises(RunError, match="prepared from other files or with other settings"):
        prepare(out, files / "pairs.tsv", workers=1, vocab_size=30)
    before = {path: path.stat().st_mtime_ns for path in out.glob("pairs-*.arrow")}
    (out / "pairs-00003.arrow").rmdir()
    capfd.readouterr()
    text = prepare(out, files / "pairs.tsv", workers=2)
    assert "the text was read before" in capfd.readouterr().err
    assert text.key == whole.key
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.folder.iterdir()}
    kept = [path for path in before if path.stat().st_mtime_ns == before[path]]
    assert [path.name for path in sorted(kept)][:3] == [f"pairs-0000{n}.arrow" for n in range(3)]
    prepare(out, files / "pairs.tsv")
    assert "the text is prepared already" in capfd.readouterr().err


def test_text_that_cannot_be_read_leaves_nothing(files: Path, tmp_path: Path) -> None:
    table = tmp_path / "broken.tsv"
    table.write_text((files / "pairs.tsv").read_text() + "one side\n")
    with pytest.raises(DataError, match=r"broken.tsv:161: column 1 .* is missing"):
        prepare(tmp_path / "out", table)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "text-00000.arrow").touch()  # of a process that was killed
    with pytest.raises(DataError, match="only half prepared"):
        PreparedText(tmp_path / "out")
    assert prepare(tmp_path / "out", files / "pairs.tsv").size().pairs > 100


def test_nothing_of_somebody_else_is_deleted(files: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    asked = Preparation(find_text([str(files / "pairs.tsv")]), DataSettings())
    for overwrite in (False, True):
        with pytest.raises(RunError, match=r"something that is no prepared text \(thesis.tex"):
            prepare_text(asked, tmp_path, overwrite=overwrite)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


# ---------------------------------------------------------------------------------------------
# Trainings


def weights(experiment: Experiment) -> Any:
    """The last checkpoint of a run, without times."""
    tensors, state = load_tensors(RunDirectory(experiment.run).last)
    for part in (state, state["window"]):
        del part["seconds"]
    return {name: tensor.tolist() for name, tensor in tensors.items()}, state


def on(experiment: Experiment, text: Path | str, **data: Any) -> Experiment:
    return replace(experiment, data=replace(experiment.data, train=(str(text),), **data))


@pytest.mark.parametrize("joint", [False, True])
def test_text_of_one_buffer_gives_the_weights_of_text_in_memory(
    files: Path, tmp_path: Path, experiment: Describe, monkeypatch: pytest.MonkeyPatch, joint: bool
) -> None:
    monkeypatch.setattr(buckets, "BUFFER", 100)
    held = {"validation": str(files / "held.tsv")}
    tokens = {"tokenizer": "unigram", "vocab_size": 40, "joint": joint}
    prepare(tmp_path / "text", files / "pairs.tsv", **held, **tokens)
    memory = on(experiment("memory", epochs=2, log_every=5), files / "pairs.tsv", **held, **tokens)
    train(memory)
    prepared = on(experiment("prepared", epochs=2, log_every=5), tmp_path / "text", **held)
    train(replace(prepared, data=replace(prepared.data, tokenizer="unigram")))
    assert weights(prepared) == weights(memory)


@pytest.mark.parametrize("sampling", [0.0, 0.3])
def test_a_training_that_is_stopped_in_an_epoch_goes_on_as_if_it_was_not(
    files: Path, tmp_path: Path, experiment: Describe, sampling: float
) -> None:
    """Within a buffer and at its end; segmentation that is drawn anew as well."""
    tokens = {"tokenizer": "unigram", "vocab_size": 40, "subword_sampling": sampling}
    text = prepare(tmp_path / "text", files / "pairs.tsv", **tokens)
    assert text.is_text == bool(sampling)
    data = {"tokenizer": "unigram", "subword_sampling": sampling}
    budget = {"log_every": 5, "schedule": "constant", "accumulate": 2, "validate_every": 50}
    whole = on(experiment("whole", max_steps=16, **budget), text.folder, **data)
    train(whole)
    parts = on(experiment("parts", max_steps=7, **budget), text.folder, **data)
    train(parts)
    for steps in (11, 16):
        train(replace(parts, resume=True, training=replace(parts.training, max_steps=steps)))
    assert weights(parts)[0] == weights(whole)[0]  # what a budget ends with is validated, too
    assert weights(whole)[1]["epoch"] > 0


def test_a_drawn_segmentation_is_another_in_each_epoch(files: Path, tmp_path: Path) -> None:
    text = prepare(
        tmp_path / "text",
        files / "pairs.tsv",
        tokenizer="unigram",
        vocab_size=60,
        subword_sampling=0.3,
    )
    source, target = text.pipelines(0.3)
    from seq2seq.data.tokenizers.sentencepiece import seed_sampling

    def segment(one: list[str], other: list[str], seed: int) -> Any:
        seed_sampling(seed)
        return source.encode(one, sample=True), target.encode(other)

    def drawn(epoch: int) -> tuple[set[str], list[list[int]]]:
        batches = EpochBatches(text, BatchLimits(200, 100), 1, epoch, segment)
        ids = [row for batch in batches for row in batch.source.tolist()]
        return {source.decode(row) for row in ids}, sorted(ids)

    (texts_one, one), (texts_two, two) = drawn(0), drawn(1)
    assert texts_one == texts_two
    assert one != two
    assert drawn(0)[1] == one


def test_text_above_a_size_is_prepared_in_the_runs_folder(
    files: Path, experiment: Describe, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    table = Path(shutil.copy(files / "pairs.tsv", tmp_path / "table.tsv"))
    run = on(experiment(max_steps=4), table, validation_size=9)
    train(run)
    folder = Path(run.run)
    assert not (folder / "text").exists()
    large = replace(run, overwrite=True, data=replace(run.data, prepare_above=0))
    capfd.readouterr()
    train(large)
    assert "it is tokenized into" in capfd.readouterr().err
    assert (folder / "text" / "prepared.json").is_file()
    table.unlink()  # a run that was begun needs it no more
    train(replace(large, resume=True, overwrite=False, training=replace(run.training, max_steps=8)))
    assert weights(large)[1]["step"] == 8
    shutil.copy(files / "pairs.tsv", table)
    train(replace(run, overwrite=True))
    assert not (folder / "text" / "prepared.json").exists()


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"vocab_size": 30}, "--data.vocab-size 30: TEXT was prepared with 8000: leave it out"),
    ({"subword_sampling": 0.1, "tokenizer": "unigram"}, "TEXT has ids, of one segmentation"),
    (
        {"filters": FilterSettings(html=True)},
        "--data.filters.html True has no effect with prepared",
    ),
    ({"exclude_validation": True}, "--data.exclude-validation True has no effect with prepared"),
    ({"validation_size": 3}, "--data.validation-size 3 has no effect with prepared text (TEXT)"),
    ({"vocabulary": "RUN"}, "--data.vocabulary RUN has no effect with prepared text (TEXT)"),
    ({"train": ("TEXT", "PAIRS")}, "--data.train TEXT is prepared text, which is trained on alone"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_what_prepared_text_leaves_no_room_for_is_refused(
    files: Path, tmp_path: Path, experiment: Describe, settings: dict[str, Any], message: str
) -> None:
    prepare(tmp_path / "text", files / "pairs.tsv")
    names = {"TEXT": str(tmp_path / "text"), "PAIRS": str(files / "pairs.tsv")}
    if "train" in settings:
        settings = {"train": tuple(names[name] for name in settings["train"])}
    run = experiment(max_steps=1)
    data = replace(run.data, **{"train": (names["TEXT"],), "tokenizer": "space", **settings})
    for name, path in names.items():
        message = message.replace(name, path)
    with pytest.raises(SettingsError, match=re.escape(message)):
        train(replace(run, data=data))
    assert not Path(run.run).exists()


def test_weights_of_other_tokens_are_refused(
    files: Path, tmp_path: Path, experiment: Describe
) -> None:
    first = on(experiment("first", max_steps=1), files / "pairs.tsv", validation_size=9)
    train(first)
    prepare(tmp_path / "text", files / "held.tsv", tokenizer="word", validation_size=3)
    second = on(experiment("second", max_steps=1), tmp_path / "text")
    second = replace(second, model=replace(second.model, initialize=first.run))
    with pytest.raises(
        SettingsError, match="was prepared with other source tokens: prepare it with"
    ):
        train(second)
    prepare(
        tmp_path / "same",
        files / "held.tsv",
        tokenizer="word",
        vocabulary=first.run,
        validation_size=3,
    )
    same = on(second, tmp_path / "same")
    train(same)
    assert weights(same)[1]["step"] == 1


# ---------------------------------------------------------------------------------------------
# Programs


@pytest.fixture
def many(files: Path, tmp_path: Path) -> Path:
    """8,000 pairs: with the usual sizes one block, which takes a moment."""
    table = tmp_path / "many.tsv"
    table.write_text((files / "pairs.tsv").read_text() * 50)
    return table


def test_the_command_prepares_and_trains(
    programs: Any, files: Path, many: Path, tmp_path: Path
) -> None:
    """Killed on the way, the same command goes on; a training killed in its epoch, too."""
    out = tmp_path / "out"
    held = ["--data.validation", files / "held.tsv"]
    command = ["prepare", many, "--out", out, "--data.tokenizer", "word", *held]
    programs.begin(*command)
    while not any(out.glob("text-*")) and not programs.ended(0.001):
        time.sleep(0.001)
    programs.send(signal.SIGKILL)
    programs.wait()
    status, said = programs.run(*command)
    assert status == 0, said
    assert PreparedText(out).report.read == 8000
    small = ["--model.embedding-size", 8, "--model.encoder-sizes", 8, "--model.decoder-sizes", 16]
    often = ["--training.max-steps", 30, "--training.save-every", 5, "--training.log-every", 1]
    begin = ["train", out, *held, *small, *often, "--device", "cpu", "--run"]
    assert programs.run(*begin, tmp_path / "whole")[0] == 0
    programs.begin(*begin, tmp_path / "killed")
    metrics = tmp_path / "killed" / "metrics.jsonl"
    while not (metrics.exists() and metrics.read_text().count("\n") > 11):
        assert not programs.ended(0.001)
    programs.send(signal.SIGKILL)
    programs.wait()
    killed = [tmp_path / "killed", "--resume", "--device", "cpu"]
    status, said = programs.run("train", "--run", *killed)
    assert status == 0, said
    one, other = (load_tensors(RunDirectory(tmp_path / n).last)[0] for n in ("whole", "killed"))
    assert all(torch.equal(one[name], other[name]) for name in one)
    shutil.rmtree(out)


def test_noise_is_drawn_anew_in_each_epoch(
    files: Path, tmp_path: Path, experiment: Describe
) -> None:
    """Text is stored for it; a continued training draws what one that never stopped draws."""
    noise = {"tokenizer": "word", "noise": NoiseSettings(drop=0.3)}
    text = prepare(tmp_path / "text", files / "pairs.tsv", **noise)
    assert text.is_text
    budget = {"log_every": 5, "schedule": "constant", "validate_every": 50}
    whole = on(experiment("whole", max_steps=10, **budget), text.folder, **noise)
    train(whole)
    parts = on(experiment("parts", max_steps=6, **budget), text.folder, **noise)
    train(parts)
    train(replace(parts, resume=True, training=replace(parts.training, max_steps=10)))
    assert weights(parts)[0] == weights(whole)[0]  # what a budget ends with is validated, too
    plain = on(experiment("plain", max_steps=10, **budget), text.folder, tokenizer="word")
    train(plain)
    assert weights(plain) != weights(whole)
    ids = prepare(tmp_path / "ids", files / "pairs.tsv", tokenizer="word")
    with pytest.raises(SettingsError, match="has ids, and noise changes text"):
        train(on(experiment("refused", max_steps=1), ids.folder, **noise))
