"""recipes/low_resource.py: all of its stages, each done once, and what it says of wrong options."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import seq2seq

Command = Callable[..., subprocess.CompletedProcess[bytes]]

RECIPE = Path(__file__).resolve().parent.parent / "recipes" / "low_resource.py"
SETTINGS = """
[data]
tokenizer = "word"
[model]
embedding_size = 8
encoder_sizes = [8]
decoder_sizes = [8]
[training]
max_steps = 2
batch_tokens = 100
warmup_steps = 1
[decoding]
max_length_extra = 1
max_length_ratio = 1.0
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """70 pairs, text of both languages, and settings of a tiny model."""
    folder = tmp_path_factory.mktemp("text")
    sources, targets = (seq2seq.read_lines(sample / f"train.{side}") for side in ("en", "fr"))
    pairs = zip(sources[:70], targets[:70], strict=True)
    table = "".join(f"{source}\t{target}\n" for source, target in pairs)
    (folder / "pairs.tsv").write_text(table, encoding="utf-8")
    for name, lines in (("en.txt", sources), ("fr.txt", targets)):
        (folder / name).write_text("\n".join(lines[60:120]), encoding="utf-8")
    (folder / "tiny.toml").write_text(SETTINGS, encoding="utf-8")
    return folder


def test_all_stages_and_each_once(command: Command, files: Path) -> None:
    options = ["--pairs", "pairs.tsv", "--monolingual", "fr.txt", "--source-monolingual", "en.txt"]
    options += ["--rounds", "2", "--validation-size", "10", "--test-size", "10"]
    options += ["--config", "tiny.toml", "--minutes", "0", "--synthetic", "1", "--device", "cpu"]
    options += ["--synthesis", "noise", "--run", "run"]
    result = command(RECIPE, *options, cwd=files)
    assert result.returncode == 0, result.stderr.decode()
    said, shown = result.stderr.decode(), result.stdout.decode()
    models = ["forward-1", "backward-1", "forward-2", "backward-2", "forward-3", "forward-3-again"]
    places = [said.index(f"\n{name}: seq2seq train --run run/{name} ") for name in models]
    assert places == sorted(places)
    last = shown.rpartition("The test, 10 pairs:")[2]
    for name in ("forward-2", "forward-3", "forward-3+forward-3-again"):
        assert f"  {name} " in last
        assert last.count(f"  {name} ") == 3
    assert last.count("p = ") == 3 * 4
    run = files / "run"
    pairs = seq2seq.read_lines(run / "by-backward-1.tsv")
    held = [seq2seq.read_lines(run / "text" / f"{name}.target") for name in ("validation", "test")]
    known = {*seq2seq.read_lines(run / "text" / "train.target"), *held[0], *held[1]}
    targets = [line.split("\t")[1] for line in pairs]
    assert len(set(targets)) == len(targets) == 50
    assert not known & {*targets}
    assert {*targets} <= {*seq2seq.read_lines(files / "fr.txt")}
    trained = seq2seq.Run(run / "forward-3").experiment(seq2seq.Experiment)
    real, synthetic = trained.data.mix
    assert (real.tag, synthetic.tag) == ("", "<BT>")
    assert real.noise == seq2seq.NoiseSettings()
    assert synthetic.noise == seq2seq.NoiseSettings(drop=0.1, blank=0.1, shuffle=3)

    # As if it had been killed: within a translation, within a training, and before a checkpoint.
    path = run / "by-backward-2.tsv"
    whole = path.read_bytes()
    path.with_name("by-backward-2.tsv.unfinished").write_bytes(whole[:1000])
    path.unlink()
    (run / "forward-3.txt").unlink()
    (run / "forward-3-again.txt").unlink()
    (run / "forward-3-again" / "last.safetensors").unlink()
    again = command(RECIPE, *options, cwd=files)
    assert again.returncode == 0, again.stderr.decode()
    assert again.stdout.decode() == shown
    assert path.read_bytes() == whole
    said = again.stderr.decode()
    assert [name for name in models if f"{name}: seq2seq train" in said] == models[-2:]
    assert "forward-3 --device cpu --resume" in said
    stored = json.loads((run / "options.json").read_text(encoding="utf-8"))
    assert stored["synthesis"] == "noise"

    other = command(RECIPE, *options, "--synthetic", "2", cwd=files)
    assert other.returncode == 2
    assert "run was begun with other --synthetic: go on with the same, or" in other.stderr.decode()
    text = run / "text" / "train.source"
    text.write_text(text.read_text(encoding="utf-8") + "More.\n", encoding="utf-8")
    other = command(RECIPE, *options, cwd=files)
    assert other.returncode == 2
    assert "run/text/train.source was made of other text: give another --run" in (
        other.stderr.decode()
    )


def test_what_is_impossible_is_named(command: Command, files: Path) -> None:
    wrong = ["--pairs", "a", "b", "c", "--rounds", "2", "--minutes", "-1", "--run", "wrong"]
    result = command(RECIPE, *wrong, cwd=files)
    said = result.stderr.decode()
    assert result.returncode == 2
    for words in (
        "--monolingual FILE go together",
        "--pairs names 3 files",
        "--source-monolingual FILE go together",
        "--minutes -1.0 must be",
    ):
        assert words in said
    assert "Traceback" not in said
    assert not (files / "wrong").exists()
    result = command(RECIPE, "--test-size", "10", "--run", "wrong", cwd=files)
    assert "--test-size have no effect on the sample corpus" in result.stderr.decode()
    known = ["--pairs", "more.tsv", "--validation-size", "10", "--test-size", "10"]
    (files / "known.fr").write_text("Où est la gare ?\n" * 3 + "\n", encoding="utf-8")
    table = (files / "pairs.tsv").read_text(encoding="utf-8")
    (files / "more.tsv").write_text(f"{table}Where is it?\tOù est la gare ?\n", encoding="utf-8")
    for name, words in (("pairs.fr", "pairs.fr"), ("known.fr", "no sentence that the pairs lack")):
        result = command(RECIPE, *known, "--monolingual", name, "--run", "wrong", cwd=files)
        assert result.returncode == 2
        assert words in result.stderr.decode()
        assert not (files / "wrong").exists(), "the same --run can be given with other text"
