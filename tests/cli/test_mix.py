"""Several corpora on the command line: a file with a mix, or its tables among other settings."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from seq2seq.cli.config_file import read_mix
from seq2seq.config.experiment import Experiment
from seq2seq.runs.run import Run as StoredRun

Fails = Callable[..., str]
Run = Callable[..., tuple[str, str]]

MIX = """
[[corpus]]
name = "mine"
train = "{small}"
tag = "<2fr>"

[[corpus]]
name = "web"
train = ["{large}"]
weight = 2
tag = "<BT>"
filters.copies = true
"""
TINY = [
    *("--device", "cpu", "--data.tokenizer", "word", "--data.validation-size", "6"),
    *("--model.embedding-size", "6", "--model.encoder-sizes", "6", "--model.decoder-sizes", "8"),
    *("--training.precision", "float32", "--training.threads", "1"),
    *("--training.batch-tokens", "100"),
]


@pytest.fixture
def mix(tmp_path: Path, sample: Path) -> Path:
    """A file with a mix of two corpora, cut from the one that comes with the project."""
    files = (sample / f"train.{side}" for side in ("en", "fr"))
    sides = (file.read_text(encoding="utf-8").splitlines() for file in files)
    pairs = ["\t".join(pair) + "\n" for pair in zip(*sides, strict=True)]
    small, large = tmp_path / "small.tsv", tmp_path / "large.tsv"
    small.write_text("".join(pairs[:40]), encoding="utf-8")
    large.write_text("Paris\tParis\n" + "".join(pairs[40:120]), encoding="utf-8")
    file = tmp_path / "mix.toml"
    file.write_text(MIX.format(small=small, large=large), encoding="utf-8")
    return file


def weights(run: Path) -> dict[str, object]:
    return {name: each.tolist() for name, each in load_file(run / "last.safetensors").items()}


def test_a_mix_in_its_file_in_settings_and_in_a_run_is_the_same(
    mix: Path, tmp_path: Path, run: Run
) -> None:
    runs = {name: tmp_path / name for name in ("file", "settings", "again", "shown")}

    def train(name: str, *options: object) -> str:
        return run("train", "--run", runs[name], *options, "--training.max-steps", 9)[1]

    said = train("file", "--data.mix", mix, *TINY)
    assert "web: 81 pairs read, 1 dropped for a target equal to its source, 80 kept" in said
    assert "mine <2fr>: 34 training pairs, 33.3% of each epoch: 38, 1.12 times through" in said
    settings = tmp_path / "settings.toml"
    tables = mix.read_text(encoding="utf-8").replace("[[corpus]]", "[[data.mix]]")
    settings.write_text(tables, encoding="utf-8")
    train("settings", "--config", settings, *TINY)
    train("again", "--config", runs["file"] / "experiment.json", "--device", "cpu")
    shown = tmp_path / "shown.toml"
    shown.write_text(run("show", runs["file"], "--toml")[0], encoding="utf-8")
    train("shown", "--config", shown, "--device", "cpu")
    for name in runs:
        assert weights(runs[name]) == weights(runs["file"]), name
    page = tmp_path / "page.html"
    run("report", runs["file"], "--out", page)
    assert "small.tsv" not in page.read_text(encoding="utf-8")
    stored = StoredRun(runs["file"]).experiment(Experiment)
    assert stored.data.mix == read_mix(mix)


def test_a_run_goes_on_with_the_command_that_began_it(
    mix: Path, tmp_path: Path, run: Run, fails: Fails
) -> None:
    made = ("--run", tmp_path / "run", "--training.epochs", 9)
    command = ("train", "--data.mix", mix, *TINY, *made)
    run(*command, "--training.max-steps", 1)
    run(*command, "--training.max-steps", 2, "--resume")
    assert StoredRun(tmp_path / "run").experiment(Experiment).data.mix == read_mix(mix)
    tables = mix.read_text(encoding="utf-8")
    other = tmp_path / "other.toml"
    for changed, words in (
        (tables.replace("weight = 2", "weight = 3"), "--data.mix.2.weight 3 (it is 2)"),
        (tables.rpartition("[[corpus]]")[0], "--data.mix mine (1.0, <2fr>) (it is mine"),
    ):
        other.write_text(changed, encoding="utf-8")
        said = fails("train", "--data.mix", other, *TINY, *made, "--resume")
        assert f"so this can't change: {words}" in said
    # Beside a file of settings with a mix, too, the option counts.
    stored = tmp_path / "run" / "experiment.json"
    said, _ = run("train", "--config", stored, "--data.mix", other, "--device", "cpu", "--dry-run")
    assert "web" not in said


def test_a_tag_is_given_where_a_text_is_translated(
    mix: Path, tmp_path: Path, run: Run, fails: Fails
) -> None:
    made, text = tmp_path / "run", tmp_path / "text.en"
    run("train", "--data.mix", mix, *TINY, "--training.max-steps", 1, "--run", made)
    text.write_text("We eat.\n\n", encoding="utf-8")
    said, _ = run("translate", made, text, "--tag", "<2fr>", "--json", "--device", "cpu")
    assert [json.loads(line)["source"] for line in said.splitlines()] == ["<2fr> We eat.", ""]
    assert "--tag <2de> is no special symbol of this model: it has <2fr> <BT>" in fails(
        "translate", made, text, "--tag", "<2de>", "--device", "cpu"
    )


def test_columns_of_a_mix_are_names_or_numbers(mix: Path, tmp_path: Path, fails: Fails) -> None:
    table = tmp_path / "synthetic.tsv"
    table.write_text("source\ttarget\nI eat.\tJe mange.\n", encoding="utf-8")
    corpus = f"[[corpus]]\nname = 'synthetic'\ntrain = '{table}'\n"
    mix.write_text(f"{corpus}source = 1\ntarget = 0\n", encoding="utf-8")
    (numbered,) = read_mix(mix)
    assert (numbered.source, numbered.target) == ("1", "0")
    swapped = ("--data.source", 1, "--data.target", 0)
    for text, options in ((mix.read_text("utf-8"), ()), (corpus, swapped)):
        mix.write_text(text, encoding="utf-8")
        made = ("--run", tmp_path / "run", "--training.max-steps", 1)
        said = fails("train", "--data.mix", mix, *TINY, *made, *options)
        assert "synthetic.tsv:1: column 1 is given as the source, and the header" in said
        assert 'in the table of a mix, source = "source", target = "target"' in said
    mix.write_text(f"{corpus}source = true\ntarget = 0.5\n", encoding="utf-8")
    said = fails("train", "--data.mix", mix, "--run", tmp_path / "run")
    assert "source True is not str" in said
    assert "target 0.5 is not str" in said


def test_a_model_that_scores_a_corpus_is_missing(mix: Path, tmp_path: Path, fails: Fails) -> None:
    scored = 'filters = {backward_model = "nowhere", min_score = 0.1}'
    tables = mix.read_text(encoding="utf-8").replace("filters.copies = true", scored)
    mix.write_text(tables, encoding="utf-8")
    said = fails("train", "--data.mix", mix, "--run", tmp_path / "run", "--training.epochs", 1)
    assert "corpus 2 (web): filters.backward_model nowhere: there is no run at nowhere" in said


WRONG = """
shares = 3
[[corpus]]
name = "web"
train = "nowhere.tsv"
weigth = 2
tag = "<2 fr>"
[[corpus]]
name = "web"
weight = 0
filters.max_ratio = 0.5
[[corpus]]
train = ["{small}"]
train_target = ["{small}", "{small}"]
weight = "much"
filters.source_script = ["Latn"]
"""


@pytest.mark.parametrize("option", ["--data.mix", "--config"])
def test_all_that_is_wrong_about_a_mix_is_told_at_once(
    mix: Path, tmp_path: Path, fails: Fails, option: str
) -> None:
    table = {"--data.mix": "corpus", "--config": "data.mix"}[option]
    wrong = WRONG.format(small=tmp_path / "small.tsv").replace("[[corpus]]", f"[[{table}]]")
    mix.write_text(wrong, encoding="utf-8")
    said = fails("train", option, mix, "--run", tmp_path / "run", "--training.epochs", 1)
    for words in (
        "corpus 1 (web): unknown setting weigth: did you mean weight?",
        "corpus 1 (web): another corpus has this name",
        "corpus 1 (web): train: there is no file nowhere.tsv",
        "corpus 1 (web): tag '<2 fr>' has white space in it",
        "corpus 2 (web): weight 0 must be above 0",
        "corpus 2 (web): train is missing",
        "corpus 2 (web): filters.max_ratio 0.5 must be at least 1",
        "corpus 3: name is missing",
        "corpus 3: weight 'much' is not float",
    ):
        assert f"{mix}: [[{table}]], {words}" in said
    assert "shares" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--data.train", "no.tsv", "nor.tsv"],
            ["--data.train: there is no file no.tsv", "nor.tsv"],
        ),
        (
            ["--data.train", "a.en", "b.en", "--data.train-target", "a.fr"],
            ["--data.train and --data.train-target name 2 and 1 files"],
        ),
        (["pairs.tsv", "--data.mix", "MIX"], ["--data.mix and --data.train both"]),
        (["--data.mix", "MIX", "--data.mix-temperature", "2"], ["leave out the weights"]),
        (["pairs.tsv", "--data.mix-temperature", "2"], ["has no effect without --data.mix"]),
        (["--data.mix", "nowhere.toml"], ["--data.mix nowhere.toml is no file"]),
    ],
)
def test_what_several_corpora_can_not_be(
    mix: Path, tmp_path: Path, fails: Fails, options: list[str], words: list[str]
) -> None:
    given = [str(mix) if option == "MIX" else option for option in options]
    said = fails("train", *given, "--run", tmp_path / "run", "--training.epochs", 1)
    assert all(each in said for each in words)
