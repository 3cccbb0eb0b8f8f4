"""The house: imports run one way, the listing is true, files are short, names are documented."""

import ast
import inspect
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import seq2seq

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "seq2seq").rglob("*.py"))
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in FILES
}
ORDER = [
    *("errors", "torchrun", "console", "config", "data", "runs"),
    *("models", "decoding", "evaluation"),
    *(
        "training",
        "plotting",
        "language_modeling",
        "export",
        "translation",
        "report",
        "serving",
        "cli",
        "__main__",
    ),
]
"""What uses only what stands before it."""
MAX_FILE, MAX_FUNCTION = 350, 65
"""In lines; a function's docstring is not counted."""


def part(module: str) -> str:
    """The file or folder of the package that a module belongs to: "" is the package itself."""
    return [*module.split("."), ""][1]


def imported(path: Path) -> set[str]:
    """All modules of ours that a file imports, at its top or inside."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            name = node.module or ""
            found |= {
                f"{name}.{alias.name}" if f"{name}.{alias.name}" in MODULES else name
                for alias in node.names
            }
    return {name for name in found if name.split(".")[0] == "seq2seq"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_part_has_its_place() -> None:
    assert {part(module) for module in MODULES} - {""} == set(ORDER)


@pytest.mark.parametrize("module", [module for module in MODULES if module != "seq2seq"])
def test_imports_run_one_way(module: str) -> None:
    here = ORDER.index(part(module))
    for other in imported(MODULES[module]):
        if part(other):  # the package itself has nothing but the version and the public names
            assert ORDER.index(part(other)) <= here, f"{module} imports {other}"


@pytest.mark.parametrize("folder", [room for room in ORDER if (ROOT / "seq2seq" / room).is_dir()])
def test_no_circles_in_a_folder(folder: str) -> None:
    modules = {name for name in MODULES if part(name) == folder}
    left = {name: imported(MODULES[name]) & modules - {name} for name in modules}
    while left:
        free = {name for name, needs in left.items() if not needs & left.keys()}
        assert free, f"a circle among {sorted(left)}"
        left = {name: needs for name, needs in left.items() if name not in free}


def test_search_knows_nothing_of_models() -> None:
    for module, path in MODULES.items():
        if module.startswith("seq2seq.decoding"):
            assert not {name for name in imported(path) if part(name) == "models"}


def test_little_is_loaded(command: Callable[..., subprocess.CompletedProcess[bytes]]) -> None:
    """In one process, each step loads more than the last; some things none of them does."""
    result = command(
        "-c",
        "import sys\n"
        "def none_of(*names):\n"
        "    assert not set(names) & sys.modules.keys(), set(names) & sys.modules.keys()\n"
        "import seq2seq\n"
        "none_of('torch', 'tyro', 'sacrebleu', 'datasets', 'matplotlib')\n"
        "import seq2seq.cli.main, seq2seq.plotting.learning_curves, seq2seq.plotting.attention\n"
        "import seq2seq.plotting.analyses\n"
        "none_of('torch', 'sacrebleu', 'datasets', 'matplotlib', 'starlette', 'uvicorn')\n"
        "seq2seq.Translator\n"
        "import seq2seq.translation.translator\n"
        "none_of('datasets', 'matplotlib', 'pandas', 'pyarrow')\n",
    )
    assert result.returncode == 0, result.stderr.decode()


def test_inference_needs_no_training(
    command: Callable[..., subprocess.CompletedProcess[bytes]],
) -> None:
    """Loading and translating imports nothing of training/, and nothing that is slow to import."""
    runs = ROOT / "tests" / "runs" / "format-2"
    result = command(
        "-c",
        "import sys\n"
        "from seq2seq import LanguageModel, Translator\n"
        f"translator = Translator.load({str(runs / 'translation')!r}, 'cpu')\n"
        "assert translator.translate('Emma sucht das Haus.')\n"
        "assert translator.candidates(['Emma sucht das Haus.'], n=2)[0]\n"
        "assert translator.score('Emma', 'Emma')\n"
        f"assert LanguageModel.load({str(runs / 'language-model')!r}, 'cpu').perplexity('Emma')\n"
        "slow = ('torch._dynamo', 'sacrebleu', 'datasets', 'matplotlib', 'tyro', 'pyarrow')\n"
        "found = {name for name in sys.modules if name in slow or 'seq2seq.training' in name}\n"
        "assert not found, found\n",
    )
    assert result.returncode == 0, result.stderr.decode()


def test_nothing_that_runs_code_is_read() -> None:
    forbidden = re.compile(
        r"\b(import pickle|from pickle|torch\.load|torch\.save|joblib|eval\(|exec\()"
    )
    for path in FILES:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not re.search(r"\.eval\(\)", line):
                assert not forbidden.search(line), f"{name_of(path)}:{number}: {line}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_FILE, (
        "a file tells one story: put what is new into a file beside it"
    )
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inside = ast.get_docstring(node, clean=False) or ""
            length = (node.end_lineno or 0) - node.lineno + 1 - inside.count("\n")
            assert length <= MAX_FUNCTION, f"{node.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_public_names_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), "the file itself"

    def check(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef) and child.name[0] != "_":
                overload = any("overload" in ast.unparse(each) for each in child.decorator_list)
                assert ast.get_docstring(child) or overload, child.name
                if isinstance(child, ast.ClassDef):
                    check(child)

    check(tree)


def test_public_names_can_be_used() -> None:
    assert {*dir(seq2seq), "__version__"} == {*seq2seq.__all__}
    for name in seq2seq.__all__:
        value = getattr(seq2seq, name)
        if isinstance(value, type) or inspect.isfunction(value):
            assert value.__name__ == name


def test_the_version_and_unknown_names() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", seq2seq.__version__)
    with pytest.raises(AttributeError, match="attribute Translater"):
        seq2seq.Translater  # noqa: B018
    with pytest.raises(ImportError):
        from seq2seq import Translater  # noqa: F401


def listing() -> dict[str, str]:
    """The files in the code blocks of seq2seq/README.md, each with its line, in their order."""
    text = (ROOT / "seq2seq" / "README.md").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for block in re.findall(r"^```[a-z]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            match = re.fullmatch(r"\s*(seq2seq/\S+\.py)\s{2,}(\S.*)", line)
            if match:
                assert match[1] not in found, f"{match[1]} is listed twice"
                found[match[1]] = match[2]
    return found


def test_the_readme_lists_every_file_with_a_line() -> None:
    # A folder's __init__.py holds nothing but a line about the folder.
    packages = [path for path in FILES if path.name == "__init__.py" and path.parent.parent != ROOT]
    assert all(len(path.read_text().splitlines()) == 1 for path in packages)
    expected = {path.relative_to(ROOT).as_posix() for path in FILES if path not in packages}
    assert set(listing()) == expected, "each file has a line in the listing of seq2seq/README.md"


def test_the_listing_is_in_the_order_of_the_imports() -> None:
    listed = [path.removesuffix(".py").replace("/", ".") for path in listing()]
    places = [
        ORDER.index(part(module)) for module in listed if part(module) not in ("", "__init__")
    ]
    assert places == sorted(places)


def test_the_top_of_the_repository_is_tidy() -> None:
    result = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if result.returncode or not result.stdout:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in result.stdout.splitlines()}
    allowed = {"README.md", "pyproject.toml", "LICENSE", "seq2seq", "recipes", "data", "tests"}
    assert {name for name in top if not name.startswith(".")} <= allowed
