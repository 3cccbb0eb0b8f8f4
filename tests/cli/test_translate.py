"""``seq2seq translate`` and ``seq2seq score`` as a user meets them."""

import gzip
import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seq2seq.cli.evaluate import Evaluate
from seq2seq.cli.main import main
from seq2seq.cli.options import parse_decoding
from seq2seq.cli.translate import make_folder
from seq2seq.cli.translate_options import Translate
from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.data.tokenizers.pipeline import build_pipeline
from seq2seq.errors import DataError
from seq2seq.models.translation import build_translation_model
from seq2seq.translation.butterfly import force_word
from seq2seq.translation.translator import Translator

Fails = Callable[..., str]
Run = Callable[..., tuple[str, str]]
Command = Callable[..., subprocess.CompletedProcess[bytes]]
SOURCES = ["We must eat.", "", "My sister is going to leave tomorrow.", ""]
TARGETS = ["Nous devons manger.", "", "", "Ma sœur"]


@pytest.fixture
def pairs(tmp_path: Path) -> list[str]:
    """Options that name two files of as many lines."""
    source, target = tmp_path / "source.txt", tmp_path / "target.txt"
    source.write_text("".join(f"{line}\n" for line in SOURCES), encoding="utf-8")
    target.write_text("".join(f"{line}\n" for line in TARGETS), encoding="utf-8")
    return ["--source", str(source), "--target", str(target)]


@pytest.fixture
def twin(trained: Path, tmp_path: Path) -> Path:
    """The trained run once more, in another folder."""
    return Path(shutil.copytree(trained, tmp_path / "twin"))


def test_score_prints_a_line_for_each_pair(
    trained: Path, pairs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    expected = Translator.load(trained, "cpu").score(SOURCES, TARGETS)
    main(["score", str(trained), *pairs, "--device", "cpu"])
    lines = capsys.readouterr().out.splitlines()
    assert [[float(part) for part in line.split("\t")] for line in lines] == [
        [round(each.log_probability, 4), round(each.per_token, 4)] for each in expected
    ]
    main(["score", str(trained), *pairs, "--device", "cpu", "--json"])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row, source, target, score in zip(rows, SOURCES, TARGETS, expected, strict=True):
        assert row == {"source": source, "target": target, **score._asdict()}


def test_score_prints_the_tokens_of_each_pair(trained: Path, pairs: list[str], run: Run) -> None:
    expected = Translator.load(trained, "cpu").score(SOURCES, TARGETS)
    out, _ = run("score", trained, *pairs, "--token-scores", "--device", "cpu")
    lines = iter(out.splitlines())
    for each in expected:
        assert next(lines) == f"{each.log_probability:.4f}\t{each.per_token:.4f}"
        scores = zip(each.tokens, each.token_log_probabilities, strict=True)
        for number, (token, value) in enumerate(scores, start=1):
            assert next(lines).split() == [str(number), token, f"{value:.4f}"]
    assert not [*lines]


def test_a_wrong_word_is_forced_into_each_translation(
    trained: Path, tmp_path: Path, run: Run, fails: Fails
) -> None:
    (tmp_path / "source").write_text("We must eat.\nMarie is late.\n")
    (tmp_path / "target").write_text("Nous devons manger.\nMarie est en retard.\n")
    given = [trained, tmp_path / "source", tmp_path / "target", "--device", "cpu"]
    translator = Translator.load(trained, "cpu")
    found = [
        force_word(translator, "We must eat.", "Nous devons manger.", "est", 2),
        force_word(translator, "Marie is late.", "Marie est en retard.", "est", 2),
    ]
    out, err = run("score", *given, "--butterfly", "est@2")
    first, second, end = out.split("\n\n")
    assert (end, err) == ("", "")
    assert first == f"We must eat.\nNous devons manger.\n{found[0].as_table()}"
    assert second == f"Marie is late.\nMarie est en retard.\n{found[1].as_table()}"
    out, _ = run("score", *given, "--butterfly", "est@2", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert rows[0]["source"] == "We must eat."
    assert [row["tokens"] for row in rows] == [each.as_dict()["tokens"] for each in found]
    changes = [[each.difference or 0.0 for each in every.tokens] for every in found]
    assert max(map(abs, changes[0])) > 1e-3
    assert max(map(abs, changes[1])) < 1e-5, "a word in its own place changes nothing"
    for wrong in ("est", "@2", "est@0", "est@x"):
        said = fails("score", *given, "--butterfly", wrong)
        assert f"--butterfly {wrong} must be WORD@POSITION" in said
    said = fails("score", *given, "--butterfly", "est@5")
    assert "target, line 1: there is no token 5 in 'Nous devons manger.'" in said
    for option in (["--json"], ["--butterfly", "est@2"]):
        said = fails("score", *given, "--token-scores", *option)
        assert f"{option[0]} has the scores of all tokens already" in said


def test_score_takes_an_ensemble_in_a_process_of_its_own(
    command: Command, trained: Path, twin: Path, pairs: list[str]
) -> None:
    plain, ensemble = (
        command("-m", "seq2seq", "score", trained, *pairs, "--device", "cpu", *more)
        for more in ([], ["--ensemble", twin])
    )
    assert (plain.returncode, plain.stderr) == (0, b"")
    assert (ensemble.returncode, ensemble.stderr) == (0, b"")
    for one, other in zip(plain.stdout.split(), ensemble.stdout.split(), strict=True):
        assert float(one) == pytest.approx(float(other), abs=2e-4)


def test_score_names_what_is_wrong(
    trained: Path, tmp_path: Path, pairs: list[str], fails: Fails
) -> None:
    assert "seq2seq score RUN SOURCE TARGET" in fails("score", trained)
    short = tmp_path / "short.txt"
    short.write_text("a\n")
    error = fails("score", trained, *pairs[:2], "--target", short)
    assert "4 lines" in error
    assert "short.txt has 1:" in error
    assert "there is no run at" in fails("score", tmp_path / "none", *pairs)


def test_every_method_is_a_pipe(command: Command, trained: Path) -> None:
    text = "We must eat.\n\nMarie is late.\n"
    translator = Translator.load(trained, "cpu")
    for options in (
        ["--decoding.method", "sample", "--decoding.top-k", "20", "--decoding.seed", "3"],
        ["--decoding.method", "mbr", "--decoding.samples", "4"],
        [
            "--decoding.method",
            "diverse-beam",
            "--decoding.beam-size",
            "4",
            "--decoding.groups",
            "2",
        ],
    ):
        result = command(
            *("-m", "seq2seq", "translate", trained, "--device", "cpu", *options),
            input=text.encode(),
        )
        assert (result.returncode, result.stderr) == (0, b"")
        values = [int(value) if value.isdecimal() else value for value in options[1::2]]
        names = [name.removeprefix("--decoding.").replace("-", "_") for name in options[::2]]
        settings = dict(zip(names, values, strict=True))
        expected = translator.translate(text.splitlines(), **settings)
        assert result.stdout.decode().splitlines() == expected


def test_translate_names_what_is_wrong(trained: Path, tmp_path: Path, fails: Fails) -> None:
    for option, name in (
        (["--decoding.coverage-penalty", "0.2"], "coverage_penalty"),
        (["--decoding.replace-unknown"], "replace_unknown"),
        (["--attention", str(tmp_path / "pictures")], "a picture of attention"),
    ):
        error = fails("translate", trained, "--device", "cpu", *option)
        assert f"{name} needs a model with attention" in error
    assert not (tmp_path / "pictures").exists()
    missing = tmp_path / "none"
    error = fails("translate", trained, "--device", "cpu", "--ensemble", missing)
    assert f"there is no run at {missing}" in error
    again = f"{trained}{os.sep}"
    assert "names a run twice" in fails("translate", trained, "--ensemble", again)
    text = tmp_path / "text.txt"
    text.write_text("We must eat.\n")
    error = fails("translate", trained, "--ensemble", missing, text)
    assert f"--ensemble {text} is a file, and a run is a directory: files go before" in error


def test_options_may_stand_before_the_run(trained: Path, twin: Path) -> None:
    """A list of values must not take RUN a second time when the run's settings are read."""
    command, _ = parse_decoding(Translate, ["--ensemble", str(twin), str(trained)], "translate")
    assert (command.run, command.ensemble, command.file) == (str(trained), (str(twin),), "-")
    options = ["--beam-size", "2", "--source", "s", "--reference", "r", str(trained)]
    evaluation, opened = parse_decoding(Evaluate, options, "evaluate")
    assert (evaluation.run, evaluation.reference) == (str(trained), ("r",))
    assert evaluation.decoding == replace(opened.experiment(Experiment).decoding, beam_size=2)


@pytest.mark.parametrize("prefix", ["--", "--decoding."])
def test_the_group_of_an_option_can_be_left_out(trained: Path, prefix: str) -> None:
    options = [f"{prefix}beam-size", "3", f"{prefix}length_penalty=0.5"]
    command, opened = parse_decoding(Translate, [str(trained), *options], "translate")
    stored = opened.experiment(Experiment).decoding
    assert command.decoding == replace(stored, beam_size=3, length_penalty=0.5)


@pytest.mark.parametrize("name", ["source.txt", "source.txt.gz"])
def test_a_file_is_translated(
    trained: Path, pairs: list[str], tmp_path: Path, name: str, run: Run
) -> None:
    path = tmp_path / name
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress((tmp_path / "source.txt").read_bytes()))
    out, err = run("translate", trained, path, "--device", "cpu")
    assert err == ""
    assert out.split("\n") == [*Translator.load(trained, "cpu").translate(SOURCES), ""]


def test_what_is_no_file_is_named(trained: Path, tmp_path: Path, fails: Fails) -> None:
    said = fails("translate", trained, "How are you?")
    assert "there is no file How are you?" in said
    assert "text itself goes to standard input: echo TEXT | seq2seq COMMAND RUN" in said
    assert "Is a directory" in fails("translate", trained, tmp_path)
    (tmp_path / "text").write_bytes(b"a\nl'\xe9t\xe9\n")
    assert "text:2" in fails("translate", trained, tmp_path / "text")
    assert "is a file, and a run is a directory" in fails("translate", tmp_path / "text", trained)


def test_a_folder_with_pictures_is_left_alone(tmp_path: Path) -> None:
    assert make_folder(str(tmp_path / "a" / "b")).is_dir()
    (tmp_path / "00001.png").touch()
    with pytest.raises(DataError, match="has pictures of other translations"):
        make_folder(str(tmp_path))


def test_one_translation_as_json(trained: Path, tmp_path: Path, run: Run) -> None:
    path = tmp_path / "source.txt"
    path.write_text("\n".join(SOURCES) + "\n", encoding="utf-8")
    out, _ = run("translate", trained, path, "--json", "--beam-size", 1, "--device", "cpu")
    expected = Translator.load(trained, "cpu").candidates(SOURCES, 1, beam_size=1)
    fields = ("text", "tokens", "log_probability", "score")
    assert [json.loads(line) for line in out.splitlines()] == [
        {"line": number, "source": source} | {name: getattr(best, name) for name in fields}
        for number, (source, (best,)) in enumerate(zip(SOURCES, expected, strict=True), start=1)
    ]


def test_each_line_has_a_prefix(trained: Path, tmp_path: Path, run: Run, fails: Fails) -> None:
    path, prefixes = tmp_path / "source.txt", tmp_path / "prefixes.txt"
    path.write_text("\n".join(SOURCES) + "\n", encoding="utf-8")
    prefixes.write_text("Elle\n\n\nMa\n", encoding="utf-8")
    out, _ = run("translate", trained, path, "--prefix", prefixes, "--device", "cpu")
    assert out.splitlines() == Translator.load(trained, "cpu").translate(
        SOURCES, prefix=["Elle", "", "", "Ma"]
    )
    assert out.startswith("Elle")
    prefixes.write_text("Elle\n\n\nMa\nNous\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        run("translate", trained, path, "--prefix", prefixes, "--device", "cpu")
    said = fails("translate", trained, path, "--prefix", "Elle", "--device", "cpu")
    assert "there is no file Elle: --prefix is a file with a line for each line of the" in said
    assert "standard input" not in said


def test_pairs_to_score_may_follow_the_run(trained: Path, tmp_path: Path, run: Run) -> None:
    source, target = tmp_path / "source.txt", tmp_path / "target.txt"
    source.write_text("We must eat.\n")
    target.write_text("Nous devons manger.\n")
    named = run("score", trained, "--source", source, "--target", target, "--device", "cpu")
    assert run("score", trained, source, target, "--device", "cpu") == named


def test_words_are_aligned(tmp_path: Path, run: Run, fails: Fails, trained: Path) -> None:
    texts = ["we can eat, twice", "they sleep (now)"]
    source, target = (
        build_pipeline(texts, DataSettings(), kind, 40).pipeline for kind in ("bpe", "word")
    )
    settings = ModelSettings(embedding_size=8, encoder_sizes=(8,), decoder_sizes=(8,))
    torch.manual_seed(1)
    model = build_translation_model(len(source.vocab), len(target.vocab), settings)
    translator = Translator(model, source, target, device="cpu")
    translator.save(tmp_path / "run")
    path = tmp_path / "source.txt"
    path.write_text("\n".join([*texts, ""]) + "\n", encoding="utf-8")
    out, _ = run("translate", tmp_path / "run", path, "--alignment", "--device", "cpu")
    lines = [line.split("\t") for line in out.splitlines()]
    assert [text for text, _ in lines] == translator.translate([*texts, ""])
    for text, (translation, pairs) in zip(texts, lines, strict=False):
        found = [tuple(map(int, pair.split("-"))) for pair in pairs.split()]
        assert {of_target for _, of_target in found} == set(range(len(translation.split())))
        assert {of_source for of_source, _ in found} <= set(range(len(text.split())))
    assert lines[-1] == ["", ""]
    out, _ = run("translate", tmp_path / "run", path, "--alignment", "--json", "--device", "cpu")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [" ".join(f"{i}-{j}" for i, j in row["alignment"] or ()) for row in rows] == [
        pairs for _, pairs in lines
    ]
    assert "attention" not in rows[0]
    assert "model with attention" in fails("translate", trained, path, "--alignment")


@pytest.mark.slow
def test_a_program_that_waits_for_its_answer_gets_it(trained: Path) -> None:
    expected = Translator.load(trained, "cpu").translate(SOURCES)
    with subprocess.Popen(
        [sys.executable, "-m", "seq2seq", "translate", str(trained), "--device", "cpu"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for source, target in zip(SOURCES, expected, strict=True):
            process.stdin.write(f"{source}\n".encode())
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], 120)
            assert ready, "no answer while standard input is open"
            assert process.stdout.readline().decode() == f"{target}\n"
        process.stdin.close()
        assert process.wait() == 0
