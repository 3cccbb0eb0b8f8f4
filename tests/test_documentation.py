"""The documents are true: snippets run, commands and options exist, links lead somewhere."""

import contextlib
import doctest
import importlib
import io
import re
import runpy
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from seq2seq import CELLS, Experiment, Run
from seq2seq.cli.main import COMMANDS, Group, dispatch

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "tests" / "runs" / "format-2"
FOLDERS = (".github", "data", "recipes", "seq2seq", "tests")
DOCUMENTS = [
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(p for each in FOLDERS for p in ROOT.glob(f"{each}/**/*.md"))]
]
COMMAND_DOCUMENTS = [
    name for name in DOCUMENTS if name.startswith(("README", "recipes/", "seq2seq/", "data/"))
]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:^|\| |&& )(?:\$ )?(seq2seq [a-z]+(?: [a-z]+)?|python recipes/\w+\.py)\b")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*(?:\.[\w-]+)*")
FORMAT = re.compile(r"seq2seq (run|vocabulary) \d")
"""The names of formats, which are no commands."""


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


EXAMPLES = [
    path.relative_to(ROOT)
    for path in sorted((ROOT / "seq2seq").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("path", EXAMPLES, ids=str)
def test_examples_in_docstrings(path: Path) -> None:
    module = importlib.import_module(".".join(path.with_suffix("").parts))
    assert not doctest.testmod(module).failed


# ---------------------------------------------------------------------------------------------
# snippets


def snippets(name: str) -> list[str]:
    return [body for language, body in FENCE.findall(read(name)) if language == "python"]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a snippet writes is no part of the repository."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    ("document", "run", "kept"),
    [
        ("README.md", "runs/quickstart", "translation"),
        ("recipes/language_models.md", "runs/book", "language-model"),
    ],
)
def test_snippets_that_use_a_run(document: str, run: str, kept: str) -> None:
    first, *_ = snippets(document)
    assert run in first
    exec(first.replace(run, (KEPT / kept).as_posix()), {})


@pytest.mark.usefixtures("elsewhere")
def test_the_snippet_that_cleans(capsys: pytest.CaptureFixture[str]) -> None:
    _, snippet = snippets("recipes/own_text.md")
    Path("pairs.tsv").write_text("Hi.\tSalut !\nHi.\tSalut !\n<b>Go\tVa !\n", encoding="utf-8")
    exec(snippet, {})
    assert capsys.readouterr().out == (
        "pairs.tsv: 3 pairs read, 1 dropped as duplicates, 1 for HTML, 1 kept\n"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("elsewhere")
def test_the_snippet_with_fitted_settings() -> None:
    """As it stands, but for the budget."""
    snippet, _ = snippets("recipes/own_text.md")
    pairs = (f"line {n}\tligne {n}\n" for n in range(40))
    Path("pairs.tsv").write_text("".join(pairs), encoding="utf-8")
    assert "minutes=5" in snippet
    exec(snippet.replace("minutes=5", "max_steps=2"), {})
    assert Run("runs/mine").experiment(Experiment).data.validation_size == 4


@pytest.mark.slow
@pytest.mark.usefixtures("elsewhere")
def test_the_snippet_that_trains() -> None:
    """As it stands, but for the number of updates and of sentences to translate."""
    _, snippet = snippets("README.md")
    for written, instead in (
        ("data/sample/", f"{ROOT.as_posix()}/data/sample/"),
        ("validation=200, test=200", "validation=20, test=20"),
        ("epochs=5", "max_steps=10"),
    ):
        assert written in snippet
        snippet = snippet.replace(written, instead)
    exec(snippet, {})


@pytest.mark.slow
def test_the_snippets_that_build_a_model_from_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they stand, one after the other, but for the lengths of the trainings."""
    monkeypatch.chdir(tmp_path)
    section = read("seq2seq/README.md").partition("## From the parts")[2].partition("## How to")[0]
    built, trained, stepped, cell = [body for _, body in FENCE.findall(section)]
    names: dict[str, Any] = {}
    for written, instead in (
        ("data/sample/", f"{ROOT.as_posix()}/data/sample/"),
        ("range(5)", "range(2)"),
    ):
        assert written in built
        built = built.replace(written, instead)
    exec(built, names)
    assert float(capsys.readouterr().out.split()[0]) > 15
    assert "epochs=5, batch_tokens" in trained
    exec(trained.replace("epochs=5", "max_steps=2"), names)
    capsys.readouterr()
    exec(stepped, names)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "torch.Size([1, 5, 256])"
    assert shown[1] == "torch.Size([1, 256])"
    assert shown[-1] == names["translator"].translate("Where is Marie?", beam_size=1)
    exec(cell, names)
    assert names["settings"].cell == "second-order"
    CELLS.pop("second-order")


# ---------------------------------------------------------------------------------------------
# commands


def known_commands(group: Group = COMMANDS, prefix: str = "seq2seq") -> Iterator[str]:
    for word, command in group.commands.items():
        if isinstance(command, Group):
            yield from known_commands(command, f"{prefix} {word}")
        else:
            yield f"{prefix} {word}"


def show_help(command: str) -> None:
    """Prints the help of a command or recipe, and exits."""
    if command.startswith("seq2seq "):
        dispatch("seq2seq", COMMANDS, [*command.split()[1:], "--help"])
    else:
        script = str(ROOT / command.removeprefix("python "))
        sys.argv = [script, "--help"]
        runpy.run_path(script, run_name="__main__")


@cache
def options_of(command: str) -> frozenset[str]:
    """The options in the help of a command or recipe, in all spellings."""
    output = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(output):
        patch.setenv("COLUMNS", "200")
        patch.setattr("sys.argv", sys.argv)
        patch.setattr("seq2seq.console.setup_process", lambda: None)  # the tests are the host
        with pytest.raises(SystemExit) as ended:
            show_help(command)
    assert not ended.value.code
    options = {*OPTION.findall(output.getvalue()), "--help"}
    if "--beam-size" in options:  # the prefix can be left out, and can be given
        options |= {f"--decoding.{option[2:]}" for option in options}
    return frozenset(options)


def used_options(document: str) -> Iterator[tuple[str, str]]:
    """Each command in a document, with all that is given to it; variables of a shell filled in.

    What is given may stand in a comment behind the command. A command may be the group of several.
    """
    text = read(document)
    variables: dict[str, str] = {}
    for _, body in FENCE.findall(text):
        body = re.sub(r'"[^"]*"', lambda quoted: quoted[0].replace("\n", " "), body)
        command, given = "", ""
        for line in re.sub(r"\\\n\s*", " ", body).splitlines():
            line = re.sub(r"\$([A-Z]+)", lambda name: variables.get(name[1], name[0]), line)
            assigned = re.fullmatch(r'([A-Z]+)="(.*?)"\s*(#.*)?', line)
            found = COMMAND.search(line)
            if assigned:
                variables[assigned[1]] = assigned[2]
            elif found:
                if command:
                    yield command, given
                command, given = found[1], line[found.end() :]
            elif line.strip().startswith("#"):
                given += line
            elif command:
                yield command, given
                command = ""
        if command:
            yield command, given
    for code in re.findall(r"`([^`]+)`", FENCE.sub("", text)):
        code = " ".join(code.split())
        found = COMMAND.match(code)
        if found and not FORMAT.match(code):
            yield found[1], code[found.end() :]


@pytest.mark.parametrize("document", COMMAND_DOCUMENTS)
def test_commands_and_their_options_exist(document: str) -> None:
    known = [*known_commands()]
    for command, given in used_options(document):
        if command == "seq2seq lm":  # all of them, in a table
            continue
        is_long = command.startswith(("seq2seq lm ", "python "))
        name = command if is_long else " ".join(command.split()[:2])
        assert name in known or name.startswith("python "), f"{document}: {command}"
        for option in OPTION.findall(given):
            assert option in options_of(name), f"{document}: {command}: {option}"


@pytest.mark.parametrize("document", COMMAND_DOCUMENTS)
def test_options_in_the_text_exist(document: str) -> None:
    known = frozenset().union(*map(options_of, known_commands()))
    known |= options_of("python recipes/quickstart.py") | options_of("python recipes/multi30k.py")
    for code in re.findall(r"`(--[^`]+)`", FENCE.sub("", read(document))):
        for option in OPTION.findall(code):
            assert option in known, f"{document}: {option}"


def test_a_misspelt_option_is_no_option() -> None:
    options = options_of("seq2seq train")
    assert {"--data.train", "--model.no-lexical", "--resume"} <= options
    assert "--training.minute" not in options


# ---------------------------------------------------------------------------------------------
# links and paths


def anchors(path: Path) -> set[str]:
    """The headings of a document, as GitHub makes links of them."""
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", read(document))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        path = (ROOT / document).parent / file if file else ROOT / document
        assert path.exists(), f"{document}: {link}"
        if anchor:
            assert anchor in anchors(path), f"{document}: {link}"


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if not name.startswith("data/")])
def test_paths_exist(document: str) -> None:
    paths = rf"`((?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*)`"
    for path in re.findall(paths, read(document)):
        places = (ROOT, (ROOT / document).parent)
        assert any((place / path).exists() for place in places), f"{document}: {path}"


def test_the_front_page_is_a_page() -> None:
    assert read("README.md").count("\n") <= 150
