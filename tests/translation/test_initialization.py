"""A run that goes on from another: the same at first, with parts frozen, with more tokens."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.cli.parse import parse_experiment
from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import load_tensors
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator

KEPT = Path(__file__).parent.parent / "runs" / "format-2"
PAIRS = [line.split("\t") for line in (KEPT / "text.tsv").read_text("utf-8").splitlines()[1:]]
RUSSIAN = [("Анна видит дом.", "Anna sees Ωmega."), ("Анна слышит дом.", "Anna hears Ωmega.")] * 9
NO_CHANGE = {"max_steps": 1, "learning_rate": 1e-30}
Weights = dict[str, torch.Tensor]


def corpora(pairs: list[Any]) -> Corpora:
    both = [ParallelCorpus(*map(list, zip(*part, strict=True)), "t") for part in (pairs, pairs[:4])]
    return Corpora(*both)


TEXT, MORE = corpora(PAIRS), corpora([*PAIRS, *RUSSIAN])


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """A run that an earlier version made."""
    return shutil.copytree(KEPT / "translation", tmp_path / "parent")


@pytest.fixture
def child(parent: Path) -> Callable[..., Experiment]:
    """Describes a run that goes on from the parent; arguments are changes by part."""

    def describe(name: str = "child", **parts: dict[str, Any]) -> Experiment:
        usual = {"precision": "float32", "threads": 1, "warmup_steps": 0, "schedule": "constant"}
        return Experiment(
            run=str(parent.parent / name),
            device="cpu",
            data=DataSettings(**parts.get("data", {})),
            model=ModelSettings(**{"initialize": str(parent), **parts.get("model", {})}),
            training=TrainingSettings(**{**usual, "max_steps": 2, **parts.get("training", {})}),
        )

    return describe


def weights(run: str | Path) -> Weights:
    return load_tensors(Path(run) / "best.safetensors")[0]


def same(first: Weights, second: Weights) -> set[str]:
    """The names of the weights that are equal to the bit."""
    return {name for name in first if torch.equal(first[name], second[name])}


def rows(run: str | Path, side: str, name: str) -> Weights:
    """The rows of a weight by token."""
    vocab = Run(run).pipeline(side).vocab
    return dict(zip(vocab, weights(run)[name], strict=True))


# ---------------------------------------------------------------------------------------------
# All of a run


def test_before_it_has_learnt_it_translates_as_the_parent(child: Any, parent: Path) -> None:
    """With the parent's architecture and tokens, none of which is given."""
    described = child(training=NO_CHANGE)
    train(described, TEXT)
    assert same(weights(parent), weights(described.run)) == weights(parent).keys()
    own, other = (Translator.load(run, "cpu") for run in (described.run, parent))
    sources = TEXT.train.sources
    assert own.translate(sources) == other.translate(sources)
    stored = Run(described.run).experiment(Experiment)
    assert (stored.model.cell, stored.model.encoder_sizes) == ("gru", (8,))
    assert (stored.model.lexical, stored.data.vocab_size) == (False, 70)
    assert stored.model.dropout == ModelSettings().dropout


def test_it_stands_alone_and_goes_on_to_the_bit(child: Any, parent: Path) -> None:
    """Without the parent, with frozen parts, more tokens and a pull towards the old weights."""
    parts = {
        "data": {"extend_vocabulary": True},
        "training": {"freeze": ["encoder-layers", "target-embedding"], "l2_to_initial": 0.1},
    }

    def steps(name: str, count: int) -> Experiment:
        return child(name, **{**parts, "training": {**parts["training"], "max_steps": count}})

    whole, halves = steps("whole", 6), steps("halves", 3)
    train(whole, MORE)
    train(halves, MORE)
    shutil.rmtree(parent)
    train(replace(steps("halves", 6), resume=True), MORE)
    last = [load_tensors(Path(each.run) / "last.safetensors")[0] for each in (whole, halves)]
    assert same(*last) == last[0].keys()
    assert Translator.load(halves.run, "cpu").translate("Анна видит дом.")
    (Path(halves.run) / "initial.safetensors").unlink()
    with pytest.raises(RunError, match=r"initial\.safetensors"):
        train(replace(steps("halves", 9), resume=True), MORE)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"model": {"cell": "sru"}}, "--model.cell sru contradicts .*which has --model.cell gru"),
        ({"model": {"encoder_sizes": (9,)}}, "--model.encoder-sizes 9 contradicts"),
        ({"data": {"vocab_size": 99}}, "--data.vocab-size 99 contradicts .* 70: leave it out"),
        ({"data": {"joint": True}}, "--data.joint contradicts .* --data.no-joint: leave it out"),
        ({"data": {"special_symbols": ("<a>",)}}, "--data.special-symbols <a> contradicts"),
        ({"model": {"initialize": "nowhere"}}, "--model.initialize nowhere: there is no run"),
        ({"model": {"initialize": str(KEPT / "n-grams")}}, "translation model is needed"),
    ],
    ids=str,
)
def test_what_contradicts_the_parent_is_refused(child: Any, parts: Any, words: str) -> None:
    described = child(**parts)
    with pytest.raises((SettingsError, RunError), match=words):
        train(described, TEXT)
    assert not Path(described.run).exists()


def test_on_the_command_line_a_default_contradicts_too(parent: Path) -> None:
    """There, what is given is known; and all that isn't is the parent's."""
    usual = ["--model.initialize", str(parent), "--run", str(parent.parent / "child")]
    usual += ["--training.max-steps", "9"]
    found = parse_experiment(Experiment(model=ModelSettings(embedding_size=99)), usual)
    stored = Run(parent).experiment(Experiment)
    kept = {"initialize": str(parent), "dropout": 0.3}
    assert found.model == replace(stored.model, **kept)
    assert found.data.vocab_size == 70
    given = ["--model.cell", "lstm", "--data.vocab-size", "8000", "--model.embedding-size", "12"]
    given += ["--training.freeze", "encodr", "lexicl"]
    with pytest.raises(SettingsError) as caught:
        parse_experiment(Experiment(), [*usual, *given])
    *parts, cell, size = str(caught.value).split("\n")
    assert [line.rpartition(": ")[2] for line in parts] == [
        *("did you mean encoder?", "did you mean lexical?"),
    ]
    assert cell.startswith("--model.cell lstm contradicts --model.initialize")
    assert size.startswith("--data.vocab-size 8000 contradicts")
    anew = [*usual, "--data.new-vocabulary", "both", "--data.vocab-size", "99"]
    assert parse_experiment(Experiment(), anew).data.vocab_size == 99


# ---------------------------------------------------------------------------------------------
# Parts of a run


def test_encoder_or_decoder_of_a_translation_run(child: Any, parent: Path) -> None:
    """With all their weights and that side's tokens; what differs is named at once."""
    stored = Run(parent).experiment(Experiment).model
    for part, side in (("encoder", "source"), ("decoder", "target")):
        model = {
            **{name: getattr(stored, name) for name in ModelSettings.__dataclass_fields__},
            "initialize": "",
            f"initialize_{part}": str(parent),
        }
        described = child(part, model=model, training=NO_CHANGE)
        train(described, TEXT)
        begun = {name for name in weights(parent) if name.startswith(part)}
        assert same(weights(parent), weights(described.run)) == begun
        own, other = (Run(run).pipeline(side).vocab for run in (described.run, parent))
        assert own == other
        wrong = child("wrong", model={**model, "cell": "lstm", "embedding_size": 9})
        with pytest.raises(SettingsError, match=r"set --model.cell gru .*--model.embedding-size 1"):
            train(wrong, TEXT)


PART_OF = {
    "encoder": "encoder.",
    "encoder-layers": "encoder.stack.",
    "source-embedding": "encoder.embedding.",
    "target-embedding": "decoder.embedding.",
    "attention": "decoder.attention.",
    "bridge": "decoder.bridge.",
    "readout": "decoder.readout.",
    "decoder-layers": "decoder.stack.",
}


@pytest.mark.parametrize("part", PART_OF)
def test_what_is_frozen_stays_and_all_else_learns(child: Any, parent: Path, part: str) -> None:
    """Also the moving average of their weights, which is what is kept as the best."""
    described = child(training={"freeze": (part,), "ema_decay": 0.9, "learning_rate": 0.01})
    train(described, TEXT)
    frozen = {name for name in weights(parent) if name.startswith(PART_OF[part])}
    assert frozen
    last = load_tensors(Path(described.run) / "last.safetensors")[0]
    learnt = {name: last[f"model.{name}"] for name in weights(parent)}
    assert same(weights(parent), learnt) == frozen
    assert same(weights(parent), weights(described.run)) == frozen


@pytest.mark.parametrize(
    ("freeze", "words"),
    [
        (("lexical",), "--training.freeze lexical: this model has no weights of that name"),
        (("encoder", "decoder"), "--training.freeze encoder decoder leaves nothing to learn"),
    ],
)
def test_what_can_not_be_frozen_is_told_before_text_is_read(
    child: Any, freeze: tuple[str, ...], words: str
) -> None:
    with pytest.raises(SettingsError, match=words):
        train(child(training={"freeze": freeze}, data={"train": "nowhere.tsv"}))


# ---------------------------------------------------------------------------------------------
# Another vocabulary


def test_new_characters_get_rows_and_old_tokens_keep_theirs(
    child: Any, parent: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    described = child(data={"extend_vocabulary": True}, training=NO_CHANGE)
    train(described, MORE)
    old_size = len(Run(parent).pipeline("source").vocab)
    assert f"{old_size} source tokens keep their rows" in capsys.readouterr().err
    for side, name in (
        ("source", "encoder.embedding.weight"),
        ("target", "decoder.embedding.weight"),
        ("target", "decoder.output.bias"),
    ):
        old, new = rows(parent, side, name), rows(described.run, side, name)
        assert [*new][: len(old)] == [*old]
        assert len(new) > len(old)
        assert same(old, new) == old.keys()
        assert all(torch.isfinite(row).all() and row.any() for row in list(new.values())[4:])
    own = Run(described.run).pipeline("source")
    assert 1 not in own.encode(["Анна видит дом."])[0]
    translators = [Translator.load(run, "cpu") for run in (described.run, parent)]
    scores = [each.score(*TEXT.train.sources[:1], "Ann") for each in translators]
    assert own.encode(TEXT.train.sources) == Run(parent).pipeline("source").encode(
        TEXT.train.sources
    )
    assert scores[0].log_probability < scores[1].log_probability  # new tokens take their share


@pytest.mark.parametrize("side", ["source", "target", "both"])
def test_a_new_vocabulary_keeps_the_rows_of_tokens_that_both_have(
    child: Any, parent: Path, side: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"new_vocabulary": side, "tokenizer": "bpe", "vocab_size": 60}
    described = child(data=data, training=NO_CHANGE)
    train(described, MORE)
    printed = capsys.readouterr().err
    for each, name in (
        ("source", "encoder.embedding.weight"),
        ("target", "decoder.embedding.weight"),
        ("target", "decoder.output.bias"),
    ):
        old, new = rows(parent, each, name), rows(described.run, each, name)
        if each in (side, "both") or side == "both":
            assert Run(described.run).pipeline(each).tokenizer.algorithm == "bpe"  # type: ignore[attr-defined]
            assert len(new) == 60
        else:
            assert [*new] == [*old]
        kept = old.keys() & new.keys()
        assert len(kept) > 10
        assert same({token: old[token] for token in kept}, new) == kept
        assert f"{len(kept)} {each} tokens keep their rows, {len(new) - len(kept)}" in printed


def test_one_vocabulary_for_both_sides_is_extended_as_one(child: Any, parent: Path) -> None:
    shared = {"joint": True, "vocab_size": 60, "new_vocabulary": "both"}
    first = child(data={"joint": True, "vocab_size": 60}, model={"initialize": ""})
    first = replace(
        first,
        model=ModelSettings(
            embedding_size=8, shared_embedding=True, encoder_sizes=(8,), decoder_sizes=(8,)
        ),
        run=str(parent.parent / "joint"),
    )
    train(first, TEXT)
    model = {"initialize": first.run}
    described = child("more", data={"extend_vocabulary": True}, model=model, training=NO_CHANGE)
    train(described, MORE)
    source, target = Run(described.run).pipelines()
    assert source.vocab == target.vocab
    name = "encoder.embedding.weight"
    old, new = rows(first.run, "source", name), rows(described.run, "source", name)
    assert same(old, new) == old.keys() < new.keys()
    train(child("anew", data=shared, model=model, training=NO_CHANGE), MORE)
    with pytest.raises(SettingsError, match=r"--model\.shared-embedding"):
        train(child("no", data={"new_vocabulary": "target"}, model=model), MORE)


# ---------------------------------------------------------------------------------------------
# Word vectors


def test_tokens_begin_with_word_vectors(
    child: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "words.vec"
    file.write_text("3 4\nAnna 1 0 0 0\nthe 0 2 0 0\nzebra 0 0 3 0\n", encoding="utf-8")
    model = {"initialize": "", "embedding_size": 4, "target_vectors": str(file)}
    model |= {"encoder_sizes": (4,), "decoder_sizes": (4,)}
    described = child(model=model, data={"tokenizer": "word"}, training=NO_CHANGE)
    train(described, TEXT)
    found = rows(described.run, "target", "decoder.embedding.weight")
    # The mean of their squares is that of the others, 1/4.
    scale = 0.5 / (5 / 8) ** 0.5
    assert found["Anna"].tolist() == pytest.approx([scale, 0, 0, 0])
    assert found["the"].tolist() == pytest.approx([0, 2 * scale, 0, 0])
    said = capsys.readouterr().err
    assert f"--model.target-vectors {file}: 2 of {len(found)} target tokens have a vector" in said
    wrong = child("wrong", model={**model, "embedding_size": 5})
    with pytest.raises(SettingsError, match=r"vectors of 4 numbers, and --model.embedding-size is"):
        train(wrong, TEXT)
    file.write_text("1 4\nzebra 0 0 3 0\n", encoding="utf-8")
    with pytest.raises(DataError, match="is it of this language"):
        train(child("none", model=model), TEXT)
