"""The command line as a user meets it: real programs, their two outputs and their exit codes."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import seq2seq
from seq2seq.cli.main import main
from seq2seq.cli.parse import name_after_run, name_files, parse_experiment
from seq2seq.config.experiment import Experiment
from seq2seq.config.training import TrainingSettings
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.lines import read_lines
from seq2seq.translation.translator import Translator

Result = subprocess.CompletedProcess[bytes]
Command = Callable[..., Result]

TRAINING = [
    *("--run", "--resume", "--overwrite", "--seed", "--device", "--data.train", "--model.cell"),
    *("--training.minutes", "--training.max-steps", "--training.save-every"),
    "--training.sampling.schedule",
]
NEEDED = {
    "train": [*TRAINING, "--model.context", "--decoding.beam-size"],
    "translate": ["--device", "--n-best", "--ensemble", "--attention", "--beam-size"],
    "rerank": ["--language-model", "--reverse", "--weights", "--device"],
    "score": ["--source", "--target", "--token-scores", "--butterfly", "--json", "--ensemble"],
    "evaluate": ["--source", "--reference", "--json", "--tokenize", "--output", "--beam-size"],
    "compare": ["--source", "--reference", "--test", "--samples", "--seed", "--json"],
    "analyze": ["--source", "--reference", "--tokenize", "--bucket-size", "--json"],
    "exposure": ["--source", "--reference", "--max-length", "--show", "--rate", "--plot"],
    "gates": ["--sentence", "--plot", "--json", "--device"],
    "tokenize": ["--side", "--detokenize"],
    "serve": ["--host", "--port", "--api-key-file", "--queue-size", "--timeout", "--device"],
    "plot": [],
    "lm train": [*TRAINING, "--data.windows", "--model.sizes", "--generation.prefix"],
    "lm score": ["--text", "--by-line", "--json", "--device"],
    "lm generate": ["--prefix", "--max-tokens", "--temperature", "--seed", "--device"],
    "lm stats": ["--column", "--tokenizer", "--top", "--stop-words", "--plot", "--json"],
    "lm ngram": ["--order", "--smoothing", "--k", "--from-arpa", "--data.train", "--overwrite"],
    "lm arpa": [],
    "lm ahead": ["--text", "--steps", "--places", "--plot", "--json", "--device"],
    "lm gradients": ["--text", "--steps", "--places", "--cells", "--size", "--plot", "--json"],
}


def documented(page: str) -> dict[str, str]:
    """The options of a help page, each with its explanation."""
    found: dict[str, str] = {}
    name = ""
    for line in page.splitlines():
        text = line.strip("│╭╰╮╯─ ")
        option = re.match(r"--?[a-z][a-z0-9.-]*(?<!\.)(?=[ ,]|$)", text)
        if option and not text.startswith("--data.train-target, the"):
            name, _, rest = text.partition("  ")
            name = name.split()[0].rstrip(",")
            found[name] = rest.strip()
        elif name and line.startswith("│") and text:
            found[name] = f"{found[name]} {text}"
        else:
            name = ""
    return found


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, trained: Path) -> Path:
    """A folder with everything that is wrong."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "three.txt").write_text("a b\nc d\ne f\n")
    (folder / "two.txt").write_text("a b\nc d\n")
    (folder / "latin.tsv").write_bytes("a\tb\nl'été\tsummer\n".encode("latin-1"))
    (folder / "empty.tsv").write_text("")
    (folder / "blank.tsv").write_text("\t\n \t\n")
    (folder / "columns.csv").write_text("english,french,note\na,b,c\n")
    shutil.copytree(trained, folder / "truncated")
    best = folder / "truncated" / "best.safetensors"
    best.write_bytes(best.read_bytes()[:-100])
    (folder / "other").mkdir()
    (folder / "other" / "notes.txt").write_text("mine")
    return folder


MISSING = "cuda" if torch.backends.mps.is_available() else "mps"
"""A device that is not here: no machine has both."""

BEGIN = ["train", "--run", "NEW", "--training.max-steps", "2", "--device", "cpu"]
MISTAKES: dict[str, tuple[list[str], list[str]]] = {
    "misspelt command": (["tarnslate", "x"], ["unknown command tarnslate", "did you mean transl"]),
    "command of a group": (["genrate"], ["unknown command genrate", "did you mean lm generate?"]),
    "misspelt flag": (["--verison"], ["unknown command --verison", "did you mean --version"]),
    "no command": ([], ["seq2seq COMMAND --help"]),
    "misspelt option": ([*BEGIN, "--modle.cell", "gru"], ["--modle.cell", "--model.cell"]),
    "misspelt choice": ([*BEGIN, "--model.cell", "gruu"], ["--model.cell", "did you mean gru"]),
    "no number": ([*BEGIN, "--training.epochs", "x"], ["--training.epochs", "x is not a number"]),
    "several at once": (
        [*BEGIN, "--model.dropout", "1.5", "--training.accumulate", "0", "--seed", "-1"],
        ["--model.dropout 1.5", "--training.accumulate 0", "--seed -1"],
    ),
    "clash": ([*BEGIN, "--model.shared-embedding"], ["--model.shared-embedding", "--data.joint"]),
    "no run named": (["train", "--training.max-steps", "2"], ["--run DIR"]),
    "no budget": (["train", "--run", "NEW"], ["--training.minutes", "--training.max-steps"]),
    "no text": (BEGIN, ["--data.train FILE"]),
    "missing file": ([*BEGIN, "--data.train", "FILES/thre.txt"], ["thre.txt", "three.txt"]),
    "nothing to resume": (["train", "--run", "NEW", "--resume"], ["there is no run at NEW"]),
    "resume without run": (["train", "--resume"], ["--run DIR"]),
    "resume and overwrite": (
        ["train", "--run", "TRAINED", "--resume", "--overwrite"],
        ["--resume and --overwrite exclude each other"],
    ),
    "another model": (
        ["train", "--run", "TRAINED", "--resume", "--model.cell", "lstm", "--seed", "2"],
        ["--model.cell lstm", "it is gru", "--seed 2"],
    ),
    "other batches": (
        ["train", "--run", "TRAINED", "--resume", "--training.batch-tokens", "77"],
        ["--training.batch-tokens 77", "can't change"],
    ),
    "run exists": (
        ["train", "--run", "TRAINED", "--training.max-steps", "2", "--data.train", "x.tsv"],
        ["exists already", "--resume", "--overwrite"],
    ),
    "no run there": (
        [*BEGIN, "--run", "FILES/other", "--overwrite", "--data.train", "x.tsv"],
        ["not a run", "never deleted"],
    ),
    "unequal files": (
        [*BEGIN, "--data.train", "FILES/three.txt", "--data.train-target", "FILES/two.txt"],
        ["three.txt has 3 lines", "two.txt has 2"],
    ),
    "not UTF-8": ([*BEGIN, "--data.train", "FILES/latin.tsv"], ["latin.tsv:2", "UTF-8"]),
    "empty file": ([*BEGIN, "--data.train", "FILES/empty.tsv"], ["empty.tsv", "no sentence pairs"]),
    "blank lines": ([*BEGIN, "--data.train", "FILES/blank.tsv"], ["blank.tsv", "2 dropped"]),
    "missing column": (
        [
            *(*BEGIN, "--data.train", "FILES/columns.csv"),
            *("--data.source", "german", "--data.target", "french"),
        ],
        ["german", "'english', 'french', 'note'"],
    ),
    "no such device": (["translate", "TRAINED", "--device", MISSING], [f"device {MISSING} is not"]),
    "translate nothing": (["translate", "NEW"], ["there is no run at NEW"]),
    "translate no run": (["translate", "FILES/other"], ["is not a run directory"]),
    "truncated weights": (["translate", "FILES/truncated"], ["best.safetensors is damaged"]),
    "impossible search": (
        ["translate", "TRAINED", "--decoding.beam-size", "0", "--decoding.batch-size", "0"],
        ["--decoding.beam-size 0", "--decoding.batch-size 0"],
    ),
    "n-best of none": (["translate", "TRAINED", "--n-best", "0"], ["--n-best 0", "at least 1"]),
    "evaluate nothing": (["evaluate", "TRAINED"], ["--source FILE and --reference FILE"]),
    "evaluate unequal": (
        [
            *("evaluate", "TRAINED", "--source", "FILES/three.txt"),
            *("--reference", "FILES/three.txt", "FILES/two.txt"),
        ],
        ["three.txt has 3 lines", "two.txt has 2"],
    ),
    "evaluate empty": (
        [
            *("evaluate", "TRAINED", "--source", "FILES/empty.tsv"),
            *("--reference", "FILES/empty.tsv"),
        ],
        ["empty.tsv is empty"],
    ),
    "unknown tokenization": (
        [
            *("evaluate", "TRAINED", "--source", "FILES/two.txt"),
            *("--reference", "FILES/two.txt", "--tokenize", "13b"),
        ],
        ["13b", "13a", "zh"],
    ),
    "unwritable output": (
        [
            *("evaluate", "TRAINED", "--source", "FILES/two.txt"),
            *("--reference", "FILES/two.txt", "--output", "FILES/nowhere/x"),
        ],
        ["nowhere/x could not be written"],
    ),
    "output over input": (
        [
            *("evaluate", "TRAINED", "--source", "FILES/two.txt"),
            *("--reference", "FILES/two.txt", "--output", "FILES/two.txt"),
        ],
        ["two.txt is one of the files to read"],
    ),
    "plot nothing": (["plot", "NEW"], ["there is no run at NEW"]),
}


IN_A_PROCESS = [
    *("misspelt command", "misspelt option", "several at once", "nothing to resume"),
    *("unequal files", "not UTF-8", "empty file", "missing column", "another model"),
    *("translate nothing", "truncated weights", "evaluate unequal"),
]
"""Mistakes that are made in a program of its own, too."""


@pytest.fixture
def fill_in(
    files: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[str]], list[str]]:
    """Goes to an empty folder; puts real names into a command."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    names = {"TRAINED": str(trained), "FILES": str(files)}
    return lambda words: [re.sub("TRAINED|FILES", lambda m: names[m[0]], word) for word in words]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_clear_message(
    mistake: str, fill_in: Callable[[list[str]], list[str]], fails: Callable[..., str]
) -> None:
    arguments, wanted = MISTAKES[mistake]
    said = fails(*fill_in(arguments))
    for part in wanted:
        assert part in said
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize("mistake", IN_A_PROCESS)
def test_a_mistake_in_a_process(
    mistake: str, fill_in: Callable[[list[str]], list[str]], command: Command
) -> None:
    arguments, wanted = MISTAKES[mistake]
    result = command("-m", "seq2seq", *fill_in(arguments))
    said = re.sub(r"[\s│]+", " ", result.stderr.decode())
    assert (result.returncode, result.stdout) == (2, b"")
    assert all(part in said for part in wanted)
    assert "Traceback" not in said
    assert not list(Path.cwd().iterdir())


def test_version_and_help(command: Command) -> None:
    result = command("-m", "seq2seq", "--version")
    assert (result.returncode, result.stderr) == (0, b"")
    assert result.stdout.decode() == f"seq2seq {seq2seq.__version__}\n"
    pages = [command("-m", "seq2seq", *group, "--help") for group in ([], ["lm"])]
    assert [(page.returncode, page.stderr) for page in pages] == [(0, b"")] * 2
    lines = "".join(page.stdout.decode() for page in pages)
    assert all(re.search(rf"^  seq2seq {name} +[A-Z].*\.$", lines, re.MULTILINE) for name in NEEDED)
    assert "seq2seq lm --help" in lines


@pytest.mark.parametrize("name", NEEDED)
def test_every_option_is_explained(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*name.split(), "--help"])
    page, said = capfd.readouterr()
    assert (ended.value.code, said) == (0, "")
    options = documented(page)
    assert set(NEEDED[name]) <= options.keys()
    assert "(.gz too)" not in page, "other compressed files are read, too"
    for option, text in options.items():
        assert re.search(r"[A-Za-z]{2}", text.split("(default:")[0]), f"{option} is not explained"
    assert ("decoding options" in page) == (name in ("train", "translate", "evaluate"))


@pytest.mark.parametrize("name", NEEDED)
def test_no_option_of_the_help_is_said_to_be_missing(
    name: str, capfd: pytest.CaptureFixture[str], fails: Callable[..., str]
) -> None:
    with pytest.raises(SystemExit):
        main([*name.split(), "--help"])
    shown = re.findall(r"^│ (--?[a-z].*?)(?:  |$)", capfd.readouterr()[0], re.MULTILINE)
    options = {option for line in shown for option in re.findall(r"--[a-z][a-z0-9.-]*", line)}
    options -= {"--help", "--config", "--resume"}  # what files say is read before
    said = fails(*name.split(), "--xyz", *sorted(options))
    assert said.count("there is no option") == 1
    assert "there is no option --xyz: --help shows all" in said


@pytest.mark.parametrize("name", ["", "train", "translate", "lm generate"])
def test_help_needs_neither_torch_nor_numpy(command: Command, name: str) -> None:
    program = (
        "import atexit, sys; from seq2seq.cli.main import main\n"
        "slow = {'torch', 'numpy'}\n"
        "atexit.register(lambda: print(slow & {*sys.modules}, file=sys.stderr))\n"
        f"main({[*name.split(), '--help']!r})"
    )
    assert command("-c", program).stderr == b"set()\n"


def begun(experiment: Experiment, *arguments: object) -> TrainingSettings:
    return parse_experiment(experiment, list(map(str, arguments))).training


def test_a_budget_that_is_given_replaces_the_defaults(tmp_path: Path) -> None:
    usual = Experiment(
        run=str(tmp_path / "run"), training=TrainingSettings(minutes=30, epochs=9, max_steps=None)
    )
    assert begun(usual) == usual.training
    assert begun(usual, "--training.learning-rate", 0.1).minutes == 30
    for option in (["--training.max-steps", 5], ["--training.max_steps=5"]):
        budget = begun(usual, *option)
        assert (budget.minutes, budget.epochs, budget.max_steps) == (None, None, 5)
    two = begun(usual, "--training.epochs", 2, "--training.minutes", 3)
    assert (two.minutes, two.epochs, two.max_steps) == (3, 2, None)
    # Turning one off leaves the others.
    off = begun(usual, "--training.minutes", "None")
    assert (off.minutes, off.epochs, off.max_steps) == (None, 9, None)


def test_a_budget_that_is_given_replaces_those_of_a_run(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    budget = begun(Experiment(), "--run", run, "--resume", "--training.epochs", 2)
    assert (budget.minutes, budget.epochs, budget.max_steps) == (None, 2, None)
    said = "note: --training.epochs 2 instead of the run's --training.max-steps 240\n"
    assert capsys.readouterr().err == said
    assert begun(Experiment(), "--run", run, "--resume").max_steps == 240
    assert begun(Experiment(), "--run", run, "--resume", "--training.max-steps", 9).max_steps == 9
    assert capsys.readouterr().err == ""


TEXT = (
    b"We must write a story.\r\n"
    b"\n"
    b"  \t\r\n"
    b"We must\xe2\x80\xa8write a\x0cstory.\n"
    b"<eos> \xf0\x9f\xa6\x9c <pad>\n"
    b"My sister is going to leave tomorrow."
)


def test_translate_is_a_pipe(command: Command, trained: Path) -> None:
    result = command("-m", "seq2seq", "translate", trained, "--device", "cpu", input=TEXT)
    assert (result.returncode, result.stderr) == (0, b"")
    translator = Translator.load(trained, "cpu")
    first, last = translator.translate(
        ["We must write a story.", "My sister is going to leave tomorrow."]
    )
    lines = result.stdout.decode().split("\n")
    assert len(lines) == 7
    assert lines[:3] == [first, "", ""]
    assert lines[5:] == [last, ""]


def test_translate_answers_line_by_line(trained: Path) -> None:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "seq2seq", "translate", str(trained)),
            *("--device", "cpu", "--decoding.batch-size", "1"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    for line in (b"We must write a story.\n", b"\n", b"We must eat.\n"):
        process.stdin.write(line)
        process.stdin.flush()
        assert bool(process.stdout.readline().strip()) == bool(line.strip())
    # The reader goes away, as `head -1` does: that is no error.
    process.stdout.close()
    process.stdin.write(b"We must write a story.\n" * 3)
    process.stdin.close()
    assert process.stderr
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=120) == 0


def test_bad_bytes_in_a_pipe_are_named_with_their_line(command: Command, trained: Path) -> None:
    arguments = ["translate", trained, "--decoding.batch-size", "1", "--device", "cpu"]
    result = command("-m", "seq2seq", *arguments, input=b"We must eat.\n\nl'\xe9t\xe9\nWe eat.\n")
    assert result.returncode == 2
    assert len(result.stdout.splitlines()) == 2, "what came before is translated"
    assert b"standard input:3" in result.stderr
    assert b"Traceback" not in result.stderr


def test_n_best_are_json_lines(command: Command, trained: Path) -> None:
    arguments = ["translate", trained, "--n-best", "2", "--device", "cpu"]
    long = b"story " * 600
    result = command("-m", "seq2seq", *arguments, input=b"We must eat.\n\n" + long)
    assert result.returncode == 0
    rows = [json.loads(line) for line in result.stdout.decode().split("\n")[:-1]]
    assert [row["source"][:3] for row in rows] == ["We ", "We ", "", "sto", "sto"]
    assert rows[0]["score"] >= rows[1]["score"]
    assert rows[0].keys() == {"line", "source", "text", "tokens", "log_probability", "score"}
    assert [row["line"] for row in rows] == [1, 1, 2, 3, 3]
    assert result.stderr.decode().startswith("warning: sentence 3 has 600 tokens")


def test_evaluate_prints_scores_and_nothing_else(
    command: Command, trained: Path, sample: Path, tmp_path: Path
) -> None:
    source, reference = sample / "test.en", sample / "test.fr"
    files = ["--source", source, "--reference", reference, "--device", "cpu"]
    output = tmp_path / "output.txt"
    result = command(
        *("-m", "seq2seq", "evaluate", trained, *files, "--json", "--output", output),
    )
    assert (result.returncode, result.stderr) == (0, b"")
    scores = json.loads(result.stdout)
    assert scores.keys() >= {"bleu", "chrf", "ter"}
    for score in scores.values():
        assert score.keys() == {"score", "signature"}
        assert "version:" in score["signature"]
    assert "tok:13a" in scores["bleu"]["signature"]
    hypotheses = read_lines(output)
    assert hypotheses == Translator.load(trained, "cpu").translate(read_lines(source))
    found = seq2seq.evaluate(hypotheses, read_lines(reference))
    assert scores["bleu"]["score"] == found["bleu"].score
    result = command(
        *("-m", "seq2seq", "evaluate", trained, "--lowercase", "--decoding.beam-size", "1"),
        *("--source", source, "--reference", reference, reference),
    )
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(
        r"BLEU +[\d.]+  nrefs:2\|case:lc.*\nchrF +[\d.]+  .*\nTER +[\d.]+  .*\n",
        result.stdout.decode(),
    )


def test_evaluate_keeps_an_output_that_it_can_not_replace(files: Path) -> None:
    kept = files / "kept.txt"
    kept.write_text("mine\n")
    two = str(files / "two.txt")
    with pytest.raises(SystemExit):
        main(
            [
                *("evaluate", str(files / "truncated"), "--source", two, "--reference", two),
                *("--output", str(kept)),
            ]
        )
    assert kept.read_text() == "mine\n"


def test_dropped_pairs_are_reported_where_validation_text_is_set_aside(
    tmp_path: Path, sample: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lines = [f"{pair.source}\t{pair.target}\n" for pair in read_pairs(sample)[:60]]
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("".join([*lines[:30], "\tseul\n", *lines[30:]]), encoding="utf-8")
    main(
        [
            *("train", "--run", str(tmp_path / "run"), "--data.train", str(pairs)),
            *("--data.validation-size", "10", "--data.tokenizer", "word", "--device", "cpu"),
            *("--training.max-steps", "1", "--model.encoder-sizes", "4"),
            *("--model.decoder-sizes", "4", "--model.embedding-size", "4"),
        ]
    )
    said = capfd.readouterr().err
    assert "pairs.tsv: 61 pairs read, 1 dropped for an empty side, 60 kept" in said
    assert "pairs.tsv, training: 50 pairs\n" in said


def read_pairs(sample: Path) -> ParallelCorpus:
    return ParallelCorpus.read(sample / "train.en", sample / "train.fr")


def test_train_then_plot(command: Command, tmp_path: Path, sample: Path, trained: Path) -> None:
    run = tmp_path / "run"
    result = command(
        *("-m", "seq2seq", "train", "--run", run, "--device", "cpu"),
        *("--data.train", sample / "train.en", "--data.train-target", sample / "train.fr"),
        *("--data.tokenizer", "word", "--model.encoder-sizes", "8", "--model.decoder-sizes", "8"),
        *("--model.embedding-size", "8", "--training.max-steps", "3", "--training.log-every", "1"),
        *("--data.validation-size", "20", "--model.cell", "lstm", "--model.context", "initial"),
    )
    said = result.stderr.decode()
    assert result.returncode == 0, said
    assert result.stdout == b""
    assert "6,630 training pairs" in said
    assert " has no source" in said or " has 0 sources" in said, "validation text is held out"
    assert "step 3  validation: loss" in said
    assert "\r" not in said, "no progress bar in a pipe"
    curves = run / "learning_curves.png"
    assert f"Learning curves: {curves}" in said
    curves.unlink()
    result = command("-m", "seq2seq", "plot", run)
    assert (result.returncode, result.stdout.decode()) == (0, f"{curves}\n")
    assert curves.is_file()


def test_text_files_may_be_named_first(fails: Callable[..., str]) -> None:
    options = ("--data.train", "--data.train-target")
    assert name_files(["a", "b", "--run", "c"], *options) == [
        *("--data.train", "a", "--data.train-target", "b"),
        *("--run", "c"),
    ]
    assert name_files(["--run", "c", "d"], *options) == ["--run", "c", "d"]
    assert "a.tsv" in fails("train", "a.tsv", "--training.max-steps", 1, "--run", "runs/none")
    said = fails("lm", "train", "a", "runs/b")
    assert "only one without an option, for --data.train; the run directory is --run" in said
    assert "--data.train, which is given, too" in fails("lm", "ngram", "a", "--data.train=b")


@pytest.mark.parametrize(
    ("command", "options"),
    [("train", ["--training.max-steps", "1"]), ("lm train", []), ("lm ngram", [])],
)
def test_a_file_in_the_place_of_an_option_is_told_where_to_go(
    command: str, options: list[str], files: Path, fails: Callable[..., str]
) -> None:
    words, text = command.split(), files / "two.txt"
    said = fails(*words, "--run", "NEW", *options, "--data.special-symbols", "<2vi>", text)
    assert "was read as one of --data.special-symbols; put the file first: " in said
    assert f"seq2seq {command} {text}" in said
    said = fails(*words, *options, "--run", "NEW", text)
    assert "Unrecognized options" in said
    assert f"note: a file with training text goes first: seq2seq {command} {text} --run" in said
    assert "note" not in fails(*words, *options, "--run", "NEW", "--data.tokeniser", text)
    said = fails(*words, *options, "--run", "NEW")
    assert f"or in short: seq2seq {command} " in said
    assert "recipe" not in said


def test_files_may_follow_the_run(
    files: Path, trained: Path, fails: Callable[..., str], run: Callable[..., tuple[str, str]]
) -> None:
    options = ("--source", "--reference")
    assert name_after_run(["--source", "a", "run"], *options) == ["--source", "a", "run"]
    two = files / "two.txt"
    named = run("evaluate", trained, "--source", two, "--reference", two, "--device", "cpu")
    assert run("evaluate", trained, two, two, "--device", "cpu") == named
    said = fails("evaluate", trained, two, two, two)
    assert "only two without an option, for --source and --reference" in said
    assert "the run directory" not in said
    assert "--source, which is given, too" in fails("evaluate", trained, two, "--source", two)
