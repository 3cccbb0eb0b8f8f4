"""`seq2seq push` and `hf://…`, with a Hub on this machine; no test here goes to the network."""

import getpass
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import close_session

from seq2seq import LanguageModel, RunError, SettingsError, Translator
from seq2seq.runs.hub import FILES, HubWarning, parse_location, resolve
from tests.support.hub import TOKEN, LocalHub, local_hub
from tests.support.tampering import redescribe

RUNS = Path(__file__).parent.parent / "runs" / "format-2"
KEPT = RUNS / "translation"
LINES = ["Emma sucht das Haus.", "", "Das Haus.", "Haus Haus"]
Command = Callable[..., tuple[str, str]]


# huggingface_hub's own, where it uploads a large file by Git LFS.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<:DeprecationWarning")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalHub]:
    """A hub that `huggingface_hub` takes for the one, with an empty cache, and a token."""
    with local_hub() as hub:
        template = f"{hub.endpoint}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        close_session()
        yield hub
        close_session()


def kept_files(run: Path = KEPT) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in run.iterdir()}


def translations(run: str | Path) -> list[tuple[str, float]]:
    best = (each[0] for each in Translator.load(run, "cpu").candidates(LINES, 2))
    return [(each.text, each.log_probability) for each in best]


def test_what_is_pushed_translates_as_the_run(
    hub: LocalHub, run: Command, capfd: pytest.CaptureFixture[str]
) -> None:
    out, err = run("push", KEPT, "user/name", "--yes", "--message", "First")
    assert out == f"{hub.endpoint}/user/name\n"
    assert re.search(r"19,232 bytes  best\.safetensors\n", err)
    assert {*hub.files("user/name")} == {
        *(".gitattributes", "README.md", "experiment.json", "best.safetensors"),
        *(
            f"{side}.{kind}"
            for side in ("source", "target")
            for kind in ("tokenizer", "vocab.json")
        ),
    }
    assert translations("hf://user/name") == translations(KEPT)
    assert "fetching hf://user/name: 6 files" in capfd.readouterr().err
    asked = len(hub.requests)
    assert translations("hf://user/name") == translations(KEPT)
    assert capfd.readouterr().err == ""
    assert not [each for each in hub.requests[asked:] if "resolve" in each]
    assert not [each for each in hub.requests if "README" in each and "resolve" in each]


@pytest.mark.filterwarnings("ignore:2 sentences are too few for a test")
def test_commands_take_a_model_by_its_name(hub: LocalHub, run: Command, tmp_path: Path) -> None:
    hub.add("user/name", kept_files())
    text = tmp_path / "text.de"
    text.write_text("Emma sucht das Haus.\nDas Haus.\n", encoding="utf-8")
    for words in (
        ["translate", "RUN", text, "--beam-size", "1"],
        ["evaluate", "RUN", text, text],
        ["score", "RUN", text, text],
        ["translate", KEPT, text, "--ensemble", "RUN"],
    ):
        expected, found = (
            run(*(run_ if each == "RUN" else each for each in words))
            for run_ in (
                shutil.copytree(KEPT, tmp_path / "copy", dirs_exist_ok=True),
                "hf://user/name",
            )
        )
        assert found[0] == expected[0]
    compared = run("compare", "hf://user/name", KEPT, "--source", text, "--reference", text)[0]
    assert "hf://user/name" in compared
    assert "translation model" in run("show", "hf://user/name")[0]
    assert "library_name: seq2seq" in run("card", "hf://user/name")[0]
    run("export", "hf://user/name", "--out", tmp_path / "exported")
    run("push", tmp_path / "exported", "user/onnx", "--yes")
    assert {"export.json", "step.onnx", "README.md"} <= {*hub.files("user/onnx")}
    assert run("translate", "hf://user/onnx", text)[0] == run("translate", KEPT, text)[0]
    run("translate", "hf://user/onnx", text, "--out", tmp_path / "out", "--workers", 1)
    assert (tmp_path / "out").read_text("utf-8") == run("translate", KEPT, text)[0]


def test_a_language_model_by_its_name(hub: LocalHub) -> None:
    hub.add("user/lm", kept_files(RUNS / "language-model"))
    hub.add("user/ngrams", kept_files(RUNS / "n-grams"))
    for name in ("language-model", "n-grams"):
        location = "hf://user/lm" if name == "language-model" else "hf://user/ngrams"
        found, expected = (LanguageModel.load(each, "cpu") for each in (location, RUNS / name))
        assert found.perplexity("Emma") == expected.perplexity("Emma")


def test_a_revision_stays(hub: LocalHub, run: Command) -> None:
    run("push", KEPT, "user/name", "--yes", "--about.author", "first")
    first = hub.branches["user/name"]["main"]
    run("push", KEPT, "user/name", "--yes", "--about.author", "second")
    run("push", KEPT, "user/name", "--yes", "--about.author", "third", "--revision", "next")
    authors = {
        revision: Translator.load(f"hf://user/name{revision}", "cpu").about.author
        for revision in ("", "@main", f"@{first}", "@next")
    }
    assert authors == {"": "second", "@main": "second", f"@{first}": "first", "@next": "third"}


def test_without_the_hub_the_cache_serves(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = hub.add("user/name", kept_files())
    for location in ("hf://user/name", f"hf://user/name@{commit}"):
        assert Path(resolve(location)).is_dir()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    close_session()
    for location in ("hf://user/name", f"hf://user/name@{commit}"):
        assert translations(location) == translations(KEPT)
    with pytest.raises(RunError, match="hf://user/other can't be fetched, and is not in the cache"):
        resolve("hf://user/other")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    close_session()
    hub.server.shutdown()
    hub.server.server_close()
    with pytest.warns(HubWarning, match="can't be reached.*what was fetched before is used"):
        resolve("hf://user/name")
    with pytest.raises(RunError, match=r"not in the cache: \w+Error: "):
        resolve("hf://user/other")


@pytest.mark.parametrize(
    "location",
    [
        *("hf://", "hf://name", "hf://user/", "hf:///name", "hf://user/name/more", "hf://a b/name"),
        *("hf://user/na--me", "hf://user/../name", "hf://user/name.git", "hf://user/nämé"),
        *("hf://user/name@", "hf://user/name@a..b", "hf://user/name@a b", "hf://datasets/a/name"),
    ],
)
def test_a_misspelt_name_reaches_no_hub(hub: LocalHub, location: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(location)}: .* is no (name|revision)"):
        Translator.load(location)
    assert not hub.requests


def test_all_else_is_a_path(hub: LocalHub, fails: Callable[..., str], tmp_path: Path) -> None:
    hub.add("user/name", kept_files())
    for path in ("user/name", "hf:/user/name", "HF://user/name", Path("hf://user/name")):
        with pytest.raises(RunError, match="there is no run at"):
            Translator.load(path)
    assert not hub.requests
    said = fails("train", "--run", "hf://user/name", "--resume")
    assert "hf://user/name is a model on the Hub, and a directory is needed here" in said
    assert parse_location("hf://user/name@refs/pr/1").revision == "refs/pr/1"


def test_what_is_no_model_is_not_fetched(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("user/other", {"pytorch_model.bin": b"pickle", "config.json": b"{}"})
    with pytest.raises(RunError, match=r"neither experiment\.json nor export\.json"):
        resolve("hf://user/other")
    hostile = {"evil.py": b"1/0", "last.safetensors": b"x", "sub/best.safetensors": b"x"}
    hub.add("user/hostile", {**kept_files(), **hostile})
    folder = Path(resolve("hf://user/hostile"))
    assert {path.name for path in folder.iterdir()} <= {*FILES}
    monkeypatch.setitem(FILES, "best.safetensors", 100)
    with pytest.raises(RunError, match=r"its best\.safetensors has 19,320 bytes, more"):
        resolve("hf://user/hostile")


def test_a_damaged_model_is_told(hub: LocalHub) -> None:
    hub.add("user/damaged", {**kept_files(), "target.vocab.json": b"{}"})
    with pytest.raises(RunError, match=r"target\.vocab\.json is damaged"):
        Translator.load("hf://user/damaged", "cpu")


def test_what_the_hub_refuses(
    hub: LocalHub, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("user/name", kept_files())
    hub.add("user/secret", kept_files())
    hub.private.add("user/secret")
    assert "there is no such model on the Hub" in fails("show", "hf://user/none")
    assert "has no revision v9" in fails("show", "hf://user/name@v9")
    assert "already, and public" in fails("push", KEPT, "user/name", "--private", "--yes")
    assert "does not take the token" in fails("push", KEPT, "other/name", "--yes")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "does not take the token" in fails("push", KEPT, "user/name", "--yes")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/none")
    assert "or it is private: then log in" in fails("show", "hf://user/secret")
    before = len(hub.requests)
    assert "log in with hf auth login" in fails("push", KEPT, "user/name", "--yes")
    assert len(hub.requests) == before


def test_a_new_model_can_be_private(hub: LocalHub, run: Command) -> None:
    run("push", KEPT, "user/quiet", "--private", "--yes")
    assert hub.private == {"user/quiet"}
    run("push", KEPT, "user/quiet", "--private", "--yes")
    assert translations("hf://user/quiet") == translations(KEPT)


def test_it_asks(
    hub: LocalHub, run: Command, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "there is no terminal: add --yes" in fails("push", KEPT, "user/name")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, pushed in (("n\n", False), ("", False), ("y\n", True)):
        monkeypatch.setattr("sys.stdin.readline", lambda answer=answer: answer, raising=False)
        _, err = run("push", KEPT, "user/name")
        assert "Upload these files? [y/N]" in err
        assert ("nothing was uploaded" not in err) == pushed == ("user/name" in hub.branches)


def test_what_an_earlier_version_had_goes(hub: LocalHub, run: Command, tmp_path: Path) -> None:
    run("export", KEPT, "--out", tmp_path / "exported")
    hub.add("user/name", {**kept_files(), "notes.txt": b"mine"})
    run("push", tmp_path / "exported", "user/name", "--yes")
    left = {*hub.files("user/name")}
    assert not left & {"experiment.json", "best.safetensors"}
    assert left >= {"export.json", "notes.txt"}


def secretive(run: Path) -> None:
    """Gives a run paths, a user, a machine and a command line."""
    circumstances = {
        "command": ["seq2seq", "train", "--data.train", "/home/secret-user/secret-text.tsv"],
        "platform": "secret-host",
        "git": {"working directory": {"commit": "secret-commit", "changed": True}},
    }

    def change(values: dict[str, Any]) -> None:
        values["begun"].update(circumstances)
        values["continued"] = [dict(values["begun"])]
        values["recipe"] = {"corpus": "/home/secret-user/secret-corpus"}
        data = values["experiment"]["data"]
        data |= {"train": "/home/secret-user/secret.de", "train_target": "/home/secret-user/s.en"}
        data |= {"filters": {"held_out": ["/secret/test.tsv"], "forward_model": "secret-run"}}
        data["filters"]["min_score"] = 0.1
        values["experiment"]["model"]["initialize"] = "/home/secret-user/secret-run"
        values["text"]["secret corpus"] = values["text"]["train"]

    redescribe(run, change)


def test_nothing_private_is_pushed(run: Command, tmp_path: Path) -> None:
    """Into a folder, which can be loaded; paths, user, machine and command line are not in it."""
    copy = Path(shutil.copytree(KEPT, tmp_path / "secret-folder"))
    secretive(copy)
    run("push", copy, "--to-folder", tmp_path / "published")
    card = run("card", copy)[0].encode()
    words = ["secret", str(tmp_path), str(Path.cwd())]
    words += [f'"{name}"' for name in (platform.node(), getpass.getuser())]
    for data in (card, *((path).read_bytes() for path in (tmp_path / "published").iterdir())):
        assert not [word for word in words if word.lower().encode() in data.lower()]
    assert translations(tmp_path / "published") == translations(KEPT)
    described = json.loads((tmp_path / "published" / "experiment.json").read_text("utf-8"))
    assert {*described["begun"]} == {"versions"}
    assert {*described["text"]} == {"train", "validation"}
    assert Translator.load(tmp_path / "published").about.target_language == "en"


def test_what_was_pushed_can_be_pushed_again(run: Command, tmp_path: Path) -> None:
    """It is the same to the byte, but for the card, which lacks the score of the validation."""
    run("push", KEPT, "--to-folder", tmp_path / "once")
    run("push", tmp_path / "once", "--to-folder", tmp_path / "twice")
    first, second = (kept_files(tmp_path / name) for name in ("once", "twice"))
    cards = [files.pop("README.md") for files in (first, second)]
    assert first == second
    assert cards[0] != cards[1]


def test_a_training_goes_on_from_a_model_on_the_hub(
    hub: LocalHub, run: Command, tmp_path: Path
) -> None:
    hub.add("user/name", kept_files())
    options = ["--training.max-steps", "1", "--device", "cpu", "--training.learning-rate", "1e-9"]
    options += ["--data.validation-size", "5", "--model.initialize", "hf://user/name"]
    run("train", RUNS / "text.tsv", "--run", tmp_path / "more", *options)
    found, expected = (Translator.load(each, "cpu") for each in (tmp_path / "more", KEPT))
    assert found.translate(LINES) == expected.translate(LINES)


def test_mistakes_are_told(fails: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert "give USER/NAME" in fails("push", KEPT)
    assert "one of them" in fails("push", KEPT, "user/name", "--to-folder", tmp_path / "x")
    assert "no name of a model on the Hub" in fails("push", KEPT, "name", "--yes")
    assert "not an empty folder" in fails("push", KEPT, "--to-folder", tmp_path / "full")
    assert "no name of a branch" in fails("push", KEPT, "a/b", "--yes", "--revision", "a b")
    assert "--private" in fails("push", KEPT, "--to-folder", tmp_path / "x", "--private")
    assert "--licence" in fails(
        "push", KEPT, "user/name", "--yes", "--card", "card.md", "--licence", "mit"
    )
    language_model = RUNS / "language-model"
    assert "is a language model, and a translation model is needed" in fails(
        "push", language_model, "--to-folder", tmp_path / "x"
    )
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_programs_of_their_own(hub: LocalHub, tmp_path: Path) -> None:
    """The Hub's own variables are all that says where it is."""
    variables = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": TOKEN}
    variables |= {"HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **variables}

    def seq2seq(*words: object, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "seq2seq", *map(str, words)]
        return subprocess.run(command, env=environment, input=text, capture_output=True, check=True)

    card = tmp_path / "card.md"
    card.write_text("# Ours\n", encoding="utf-8")
    pushed = seq2seq("push", KEPT, "user/name", "--yes", "--card", card)
    assert pushed.stdout.decode() == f"{hub.endpoint}/user/name\n"
    assert hub.files("user/name")["README.md"] == b"# Ours\n"
    translated = seq2seq("translate", "hf://user/name", text=b"Emma sucht das Haus.\n")
    expected = Translator.load(KEPT, "cpu").translate("Emma sucht das Haus.")
    assert translated.stdout.decode() == f"{expected}\n"
    assert re.fullmatch(r"fetching hf://user/name: 6 files, 0\.0 MB\n", translated.stderr.decode())
