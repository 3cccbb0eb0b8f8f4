"""A dry run: all that a training would do is shown, and nothing is written."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seq2seq.cli.main import main
from seq2seq.config.base import flatten, to_dict
from seq2seq.config.experiment import Experiment
from seq2seq.config.training import SamplingSettings
from seq2seq.data.batching import make_batch
from seq2seq.data.parallel import Corpora
from seq2seq.data.tokenizers.pipeline import build_pipelines
from seq2seq.data.vocabulary import Vocab
from seq2seq.language_modeling.train import train_language_model
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.training.dry_run import DRY_RUN, mebibytes
from seq2seq.training.launch import count_weights
from seq2seq.training.shown_tokens import batch_lines, history_lines, translation_history
from seq2seq.translation.train import train
from tests.support.language import TEXTS, describe

Describe = Callable[..., Experiment]


def sections(page: str) -> dict[str, list[str]]:
    """The lines below each title."""
    found: dict[str, list[str]] = {}
    for block in page.rstrip("\n").split("\n\n"):
        title, *rest = block.split("\n")
        found[title.split(",")[0].split(" (")[0]] = [line.removeprefix("  ") for line in rest]
    return found


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def shown(
    experiment: Describe, letters: Corpora, capsys: pytest.CaptureFixture[str]
) -> tuple[Experiment, dict[str, list[str]]]:
    """A dry run of a translation model, and what it printed."""
    run = replace(experiment(max_steps=10), dry_run=True)
    assert train(run, letters) == DRY_RUN
    return run, sections(capsys.readouterr().out)


def test_every_setting_is_shown_and_marked_where_it_is_not_the_default(
    shown: tuple[Experiment, dict[str, list[str]]],
) -> None:
    run, found = shown
    lines = found["Settings"]
    usual, own = flatten(to_dict(Experiment())), flatten(to_dict(run))
    assert [re.split(r" +", line.lstrip("* "))[0] for line in lines] == [
        f"--{name.replace('_', '-')}" for name in own
    ]
    for line, (name, value) in zip(lines, own.items(), strict=True):
        assert line.startswith("*") == (value != usual[name]), line
    (line,) = (line for line in lines if "--training.max-steps " in line)
    assert re.fullmatch(r"\* --training\.max-steps +10  \(default: None\)", line)
    (line,) = (line for line in lines if "--model.encoder-sizes" in line)
    assert re.fullmatch(r"\* --model\.encoder-sizes +8  \(default: 384\)", line)


def test_the_model_is_shown_by_part_and_in_all(
    shown: tuple[Experiment, dict[str, list[str]]], letters: Corpora
) -> None:
    run, found = shown
    pipelines = build_pipelines(letters.train.sources, letters.train.targets, run.data)
    model = build_translation_model(*(len(side.pipeline.vocab) for side in pipelines), run.model)
    lines = found["Model"]
    *parts, whole = [line for line in lines if not line.startswith(" ")]
    counts = [int(line.split()[-1].replace(",", "")) for line in parts]
    assert whole.split() == ["in", "all", f"{count_weights(model):,}"]
    assert sum(counts) == count_weights(model)
    shapes = [
        re.sub(r".*? {2,}", "", line.lstrip(), count=1) for line in lines if line.startswith(" ")
    ]
    expected = [" × ".join(map(str, weight.shape)) for weight in model.state_dict().values()]
    assert [shape.split("  ")[0] for shape in shapes] == expected
    assert [shape for shape in shapes if "the same as decoder.embedding.weight" in shape]


def test_text_memory_and_a_batch_are_shown(
    shown: tuple[Experiment, dict[str, list[str]]], letters: Corpora
) -> None:
    run, found = shown
    text = "\n".join(found["Text"])
    tokens = sum(len(line.split()) for line in letters.train.sources)
    assert "letters: 240 pairs" in text
    assert "others: 40 pairs" in text
    assert (
        f"0 training pairs left out for more than 100 tokens on a side, 240 kept, with {tokens:,}"
        in text
    )
    assert "vocabularies of 10 source and 10 target tokens" in text
    update = "\n".join(found["An update from the largest batch"])
    sizes = dict(
        re.findall(r"^(weights|gradients|optimizer|activations|in all) +([\d.]+) MiB", update, re.M)
    )
    assert len(sizes) == 5
    assert re.search(r"^time +[\d.]+ seconds, [\d,]+ target tokens/s$", update, re.M)
    shapes, *rows = found["The first batch"]
    assert re.fullmatch(
        r"source (\d+) × \d+, target input \1 × (\d+), target output \1 × \2", shapes
    )
    assert len(rows) == 9
    for source, inputs, outputs in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        words = source.split("source")[1].split()
        assert words[words.index("<eos>") :] == [
            "<eos>",
            *["<pad>"] * (len(words) - words.index("<eos>") - 1),
        ]
        sentence = words[: words.index("<eos>")]
        assert inputs.split("input")[1].split()[: len(sentence) + 1] == ["<bos>", *sentence]
        assert outputs.split("output")[1].split()[: len(sentence) + 1] == [*sentence, "<eos>"]
    assert "Before it can be trained" not in found
    assert not Path(run.run).exists()


def test_a_continued_run_is_shown_and_left_as_it_is(
    experiment: Describe, letters: Corpora, capsys: pytest.CaptureFixture[str]
) -> None:
    run = experiment(max_steps=3)
    train(run, letters)
    before = everything(Path(run.run))
    assert '"dry_run"' not in Path(run.run, "experiment.json").read_text(encoding="utf-8")
    capsys.readouterr()
    assert train(replace(run, resume=True, dry_run=True), letters) == DRY_RUN
    found = sections(capsys.readouterr().out)
    assert found["An update from the largest batch"][0].startswith("continued after step 3")
    assert everything(Path(run.run)) == before
    assert train(replace(run, resume=True), letters) == "the budget is used up"


def own_tokens(lines: list[str]) -> Iterator[tuple[list[str], dict[int, str]]]:
    """Of each row of a rate the reference, and what stands below it, by its place."""
    for reference, own in pairwise(lines):
        if reference[5:14] != "reference":
            continue
        starts = [match.start() for match in re.finditer(r"\S+", reference[20:])]
        found = {m.start(): m[0] for m in re.finditer(r"\S+", own[20:])}
        assert found.keys() <= {*starts}, "each stands below a token"
        tokens = reference[20:].split()
        yield tokens, {starts.index(place): token for place, token in found.items()}


def test_scheduled_sampling_is_shown_below_the_reference(
    experiment: Describe, letters: Corpora, capsys: pytest.CaptureFixture[str]
) -> None:
    sampling = SamplingSettings(schedule="constant", rate=0.6)
    run = replace(experiment(max_steps=300, sampling=sampling), dry_run=True)
    train(run, letters)
    first, second, *lines = sections(capsys.readouterr().out)["Scheduled sampling in it"]
    assert first.startswith("teacher forcing shows the decoder the reference; below it")
    assert second == "where they take its place: at a rate of 0.600 now, and of 0.600 at the end"
    assert [line[5:15] for line in lines] == ["reference ", "rate 0.600"] * 3
    fresh = [*own_tokens(lines)]
    for reference, own in fresh:
        assert reference[0] == "<bos>"
        assert 0 not in own
        assert "<pad>" not in reference
    # A model that has learned to copy puts the right tokens, or nearly.
    train(replace(run, dry_run=False), letters)
    capsys.readouterr()
    train(replace(run, resume=True), letters)
    trained = [*own_tokens(sections(capsys.readouterr().out)["Scheduled sampling in it"])]
    right = [
        sum(token == reference[place] for reference, own in rows for place, token in own.items())
        for rows in (fresh, trained)
    ]
    put = sum(len(own) for _, own in trained)
    assert put > 3
    assert right[1] > max(right[0], put / 2)


@pytest.mark.parametrize(
    ("settings", "said", "rates"),
    [
        ({"schedule": "none"}, None, []),
        ({"schedule": "linear", "slope": 0.005}, "0.000 now, and of 0.500", ["0.500"]),
        (
            {"schedule": "linear", "slope": 0.1, "unit": "steps"},
            "0.000 now, and of 0.400",
            ["0.400"],
        ),
        (
            {"schedule": "inverse-sigmoid", "k": 25.0},
            "0.038 now, and of 0.686",
            ["0.038", "0.686"],
        ),
    ],
)
def test_the_rates_are_those_of_now_and_of_the_end(
    experiment: Describe,
    letters: Corpora,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, Any],
    said: str | None,
    rates: list[str],
) -> None:
    run = replace(experiment(max_steps=4, sampling=SamplingSettings(**settings)), dry_run=True)
    train(run, letters)
    found = sections(capsys.readouterr().out)
    assert ("Scheduled sampling in it" in found) == (said is not None)
    if said:
        lines = found["Scheduled sampling in it"]
        assert said in lines[1]
        assert ("only the end is shown" in lines[2]) == ("0.000" in said)
        shown = [line for line in lines if line.startswith("     rate")]
        assert [line.split()[1] for line in shown] == rates * 3


def test_a_higher_rate_shows_what_a_lower_one_does_and_more(
    tiny_model: Callable[..., TranslationModel],
) -> None:
    model = tiny_model()
    vocab = Vocab(["<pad>", "<unk>", "<bos>", "<eos>", *"abcdefghi"], [0] * 13)
    batch = make_batch([[4, 5, 6]] * 2, [[4, 5, 6, 7, 8, 9, 10], [5]])
    rates = {"low": 0.3, "high": 0.6, "all": 1.0}
    history = translation_history(model, vocab, batch)
    settings = SamplingSettings(method="steps")
    lines = history_lines(history, rates, settings, rows=2, sources=["x", "y"], width=300)
    table = [line[20:] for line in lines]
    assert len(table) == 2 * 5
    source, reference, low, high, every = table[:5]
    assert (source, reference.split()) == ("x", ["<bos>", *"abcdefg"])
    places = [{m.start() for m in re.finditer(r"\S+", row)} for row in (low, high, every)]
    assert places[0] < places[1] < places[2]
    assert len(places[2]) == 7
    assert len(table[-1].split()) == 1, "nothing stands on pads"


@pytest.mark.parametrize("windows", ["sequential", "random", "sentences"])
def test_scheduled_sampling_of_a_language_model_is_shown(
    windows: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sampling = SamplingSettings(schedule="constant", rate=0.5)
    described = describe(tmp_path / "run", windows, max_steps=3, sampling=sampling)
    train_language_model(replace(described, dry_run=True), TEXTS)
    rows = [*own_tokens(sections(capsys.readouterr().out)["Scheduled sampling in it"])]
    assert len(rows) == 3
    assert any(own for _, own in rows)


@pytest.mark.parametrize("windows", ["sequential", "random", "sentences"])
def test_a_language_model(windows: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    described = replace(describe(tmp_path / "run", windows, max_steps=3), dry_run=True)
    assert train_language_model(described, TEXTS) == DRY_RUN
    found = sections(capsys.readouterr().out)
    assert found["Text"][0] == "training text: 60 lines, validation text: 12"
    assert ("left out for more than 200 tokens" in "".join(found["Text"])) == (
        windows == "sentences"
    )
    first, inputs, targets = found["The first batch"][:3]
    assert first.startswith("inputs ")
    after = inputs.split("inputs")[1].split()[1:]
    assert (
        targets.split("targets")[1].split()[: len(after)]
        == [
            "<pad>" if token == "<pad>" and before == "<eos>" else token
            for token, before in zip(after, ["", *after], strict=False)
        ]
        or windows == "sentences"
    )
    assert not (tmp_path / "run").exists()
    train_language_model(replace(described, dry_run=False), TEXTS)
    before = everything(tmp_path)
    assert train_language_model(replace(described, resume=True), TEXTS) == DRY_RUN
    assert "continued after step 3" in capsys.readouterr().out
    assert everything(tmp_path) == before


def test_the_command_ends_well_and_says_what_is_missing(
    tmp_path: Path,
    sample: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    main(
        [
            *("train", "--dry-run", "--data.train", str(sample / "test.en"), "--device", "cpu"),
            *("--data.train-target", str(sample / "test.fr"), "--data.validation-size", "20"),
            *("--data.tokenizer", "word", "--model.encoder-sizes", "8"),
            *("--model.decoder-sizes", "8", "--model.embedding-size", "8"),
        ]
    )
    found = sections(capsys.readouterr().out)
    assert [line.split(":")[0] for line in found["Before it can be trained"]] == [
        "no budget",
        "no run directory",
    ]
    assert list(found)[-1] == "This was a dry run: nothing is trained"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("typed", "attention", "lexical"),
    [([], "scaled-general", "True"), (["--model.attention", "none"], "none", "False")],
)
def test_the_command_attends_unless_it_is_told_not_to(
    typed: list[str], attention: str, lexical: str, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = ["--data.train", str(sample / "test.en"), "--data.train-target", str(sample / "test.fr")]
    sizes = ["--model.encoder-sizes", "8", "--model.decoder-sizes", "8"]
    words = ["--data.tokenizer", "word", "--data.validation-size", "20", "--device", "cpu"]
    main(["train", "--dry-run", *text, *words, *sizes, *typed])
    lines = sections(capsys.readouterr().out)["Settings"]
    values = dict(line.lstrip("* ").split()[:2] for line in lines)
    assert values["--model.attention"] == attention
    assert values["--model.lexical"] == lexical


def test_what_is_invisible_is_spelled_out_and_long_rows_are_cut() -> None:
    vocab = Vocab(["<pad>", "<unk>", "<bos>", "<eos>", " ", "\u200b", "a" * 50], [0] * 7)
    batch = make_batch([[4, 5], [6, 6]], [[4], [5]])
    sides = dict.fromkeys(("source", "target_input", "target_output"), vocab)
    lines = list(batch_lines(batch, sides, width=60))
    assert lines[0] == "source 2 × 3, target input 2 × 2, target output 2 × 2"
    assert lines[1].split() == ["1", "source", "␣", "\\u200b", "<eos>"]
    assert lines[4].endswith("…")
    assert max(map(len, lines)) <= 58
    assert mebibytes(2**20).strip() == "1.0 MiB"


def test_too_little_text_is_told_of_what_begins_from_nothing(
    letters: Corpora, experiment: Describe, capsys: pytest.CaptureFixture[str]
) -> None:
    run = replace(experiment(max_steps=10), dry_run=True)
    train(run, letters)
    assert "note: only 240 training pairs, of which a model" in capsys.readouterr().err
    more = [*letters.train.sources * 3]
    train(run, letters._replace(train=replace(letters.train, sources=more, targets=more)))
    assert "note: only" not in capsys.readouterr().err
