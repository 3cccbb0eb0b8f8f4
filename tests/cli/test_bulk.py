"""``seq2seq translate --out``: whole texts, by processes that may be killed; and pairs."""

import gzip
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.cli.translate_options import Translate
from seq2seq.cli.translate_rows import header, output_rows
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.readers.lines import read_lines
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import load_tensors, save_tensors
from seq2seq.translation.partial_output import PartialOutput, lock_output
from seq2seq.translation.results import Translation
from seq2seq.translation.translator import Translator

Call = Callable[..., tuple[str, str]]
Fails = Callable[..., str]

RUNS = Path(__file__).resolve().parent.parent / "runs" / "format-2"
RUN = RUNS / "translation"
KEPT = read_lines(RUNS / "text.txt")
SMALL = ("--batch-size", "4", "--beam-size", "1", "--device", "cpu")
"""Chunks are of 16 lines."""
PATIENCE = 120.0


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text of 130 lines, some of them empty."""
    path = tmp_path / "big.txt"
    lines = [f"{KEPT[n % len(KEPT)]} {'a' * (n % 3)}" if n % 11 else "" for n in range(130)]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run, exported: programs that use it begin quickly."""
    pytest.importorskip("onnxruntime")
    from seq2seq.cli.export import export_command

    path = tmp_path_factory.mktemp("export") / "onnx"
    export_command([str(RUN), "--out", str(path)])
    return path


def test_a_file_has_what_the_pipe_says(text: Path, tmp_path: Path, run: Call, fails: Fails) -> None:
    expected, _ = run("translate", RUN, text, *SMALL)
    assert expected.count("\n") == 130
    out = tmp_path / "out"
    said = run("translate", RUN, text, *SMALL, "--out", out)
    assert said[0] == ""
    assert "130 of 130 lines" in said[1]
    assert out.read_text("utf-8") == expected
    assert {each.name for each in tmp_path.iterdir()} == {"big.txt", "out"}
    assert "out is there already" in fails("translate", RUN, text, *SMALL, "--out", out)
    run("translate", RUN, text, *SMALL, "--out", out, "--restart")
    packed, small = tmp_path / "packed.txt.gz", tmp_path / "out.gz"
    packed.write_bytes(gzip.compress(text.read_bytes()))
    run("translate", RUN, packed, *SMALL, "--out", small)
    assert gzip.decompress(small.read_bytes()).decode() == expected
    text.write_text("")
    run("translate", RUN, text, *SMALL, "--out", tmp_path / "none")
    assert (tmp_path / "none").read_bytes() == b""


@pytest.mark.slow
def test_the_number_of_processes_changes_nothing(text: Path, tmp_path: Path, run: Call) -> None:
    """Not even samples; and not of a search for several translations of each line."""
    given = ("translate", RUN, text, *SMALL, "--method", "sample", "--n-best", "2", "--out")
    one, two = tmp_path / "one", tmp_path / "two"
    run(*given, one)
    run(*given, two, "--workers", 2)
    assert one.read_bytes() == two.read_bytes()
    assert one.read_bytes().count(b"\n") > 200


class Job:
    """`seq2seq translate` in a program of its own, killed at random moments."""

    def __init__(self, out: Path, *arguments: object) -> None:
        self.partial = out.with_name(f"{out.name}.partial")
        self.program = [sys.executable, "-m", "seq2seq", "translate", *map(str, arguments)]
        self.program += ["--out", str(out)]
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Begins it, or goes on."""
        self.process = subprocess.Popen(
            self.program,
            stderr=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def wait_for_more(self, grown: int, later: float) -> None:
        """Waits until it has written so many bytes more, or has ended; and then a little."""
        before, end = self.size(), time.monotonic() + PATIENCE
        while self.process and self.process.poll() is None and self.size() < before + grown:
            assert time.monotonic() < end
            time.sleep(0.005)
        time.sleep(later)

    def size(self) -> int:
        """The bytes that are written so far."""
        return self.partial.stat().st_size if self.partial.exists() else 0

    def workers(self) -> list[int]:
        """The processes that translate for it."""
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [pid for pid in map(int, children.split()) if b"spawn_main" in command_of(pid)]

    def end(self) -> tuple[int, str]:
        """Waits for its end, and for that of its workers; returns its status and what it said."""
        assert self.process
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said.decode()


def command_of(process: int) -> bytes:
    """The command line of a process; nothing if it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc")
def test_whatever_is_killed_no_line_is_lost_or_doubled(
    export: Path, text: Path, tmp_path: Path, run: Call
) -> None:
    text.write_bytes(4 * text.read_bytes())
    given = (export, text, *SMALL, "--beam-size", "5", "--json")
    run("translate", *given, "--out", tmp_path / "whole")
    out, generator = tmp_path / "out", random.Random(1)
    for number, victim in enumerate(["parent", "worker", "Ctrl-C", "parent"]):
        job = Job(out, *given, "--workers", 1 + number % 2)
        job.begin()
        job.wait_for_more(generator.randrange(1, 20_000), generator.uniform(0, 0.02))
        assert job.process
        workers = job.workers() if job.process.poll() is None else []
        if victim == "worker" and workers:
            os.kill(generator.choice(workers), signal.SIGKILL)
        elif victim != "worker":
            job.process.send_signal(signal.SIGINT if victim == "Ctrl-C" else signal.SIGKILL)
        status, said = job.end()
        assert "Traceback" not in said
        expected = {"worker": 2, "Ctrl-C": 130, "parent": -signal.SIGKILL}[victim]
        assert status in (expected, 0), said
        if status == 2:
            assert "one of the processes that translate has ended" in said
        if status > 0:
            assert "the same command goes on with the rest" in said
        wait_until_gone(workers)
        if status == 0:
            break
        assert not out.exists()
    if not out.exists():
        run("translate", *given, "--out", out)
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()


def wait_until_gone(processes: list[int]) -> None:
    """Waits for the end of processes whose parent has ended."""
    end = time.monotonic() + PATIENCE
    while any(b"spawn_main" in command_of(each) for each in processes):
        assert time.monotonic() < end, "a worker outlives its parent"
        time.sleep(0.01)


# ---------------------------------------------------------------------------------------------
# the partial output


def interrupt(text: Path, out: Path, run: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Translates a part of a text, as a job that is interrupted after three chunks."""
    append, calls = PartialOutput.append, iter(range(100))

    def interrupted(self: PartialOutput, lines: int, part: str) -> None:
        if next(calls) == 3:
            raise KeyboardInterrupt
        append(self, lines, part)

    with monkeypatch.context() as patch:
        patch.setattr(PartialOutput, "append", interrupted)
        with pytest.raises(SystemExit) as ended:
            run("translate", RUN, text, *SMALL, "--out", out)
    assert ended.value.code == 130


def test_another_text_model_or_setting_is_refused(
    text: Path, tmp_path: Path, run: Call, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, model = tmp_path / "out", Path(shutil.copytree(RUN, tmp_path / "model"))
    interrupt(text, out, run, monkeypatch)
    given = ("translate", RUN, text, *SMALL, "--out", out)
    said = fails(*given, "--length-penalty", "0.5", "--pairs", "--tag", "<BT>")
    assert "--length-penalty was 1.0 and is 0.5; --pairs was False and is True" in said
    assert "--tag was '' and is '<BT>'. Give what it was begun with to go on, or --restart" in said
    tensors, state = load_tensors(model / "best.safetensors")
    next(iter(tensors.values())).add_(0.1)
    save_tensors(model / "best.safetensors", tensors, state, Run(model).run_id)
    assert "the model is not the same" in fails("translate", model, *given[2:])
    whole = text.read_bytes()
    text.write_bytes(whole + b"One more.\n")
    assert "the text is not the same" in fails(*given)
    text.write_bytes(whole)
    _, said = run(*given, "--workers", 0)
    assert "48 of 130 lines are done already, going on" in said
    run("translate", RUN, text, *SMALL, "--out", tmp_path / "whole")
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("damage", ["cut", "zeros", "flipped"])
def test_what_is_not_whole_is_translated_again(
    damage: str, text: Path, tmp_path: Path, run: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a power failure, when the end of a file has not reached the disk."""
    out, partial = tmp_path / "out", tmp_path / "out.partial"
    interrupt(text, out, run, monkeypatch)
    data = partial.read_bytes()
    partial.write_bytes(
        {
            "cut": data[:-7],
            "zeros": data[:-20] + bytes(400),
            "flipped": data[:-7] + bytes([data[-7] ^ 1]) + data[-6:],
        }[damage]
    )
    _, said = run("translate", RUN, text, *SMALL, "--out", out)
    assert "32 of 130 lines are done already" in said
    expected, _ = run("translate", RUN, text, *SMALL)
    assert out.read_text("utf-8") == expected


def test_an_output_that_is_complete_is_only_finished(
    text: Path, tmp_path: Path, run: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a kill when the output has its name, and the partial one is not deleted yet."""
    out = tmp_path / "out"

    def interrupted(self: PartialOutput) -> None:
        self.stream.close()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PartialOutput, "close", interrupted)
        with pytest.raises(SystemExit):
            run("translate", RUN, text, *SMALL, "--out", out)
    whole = out.read_bytes()
    assert (tmp_path / "out.partial").exists()
    run("translate", RUN, text, *SMALL, "--out", out)
    assert out.read_bytes() == whole
    assert not (tmp_path / "out.partial").exists()


@settings(max_examples=20)
@given(pieces=st.lists(st.text(), max_size=5), cut=st.integers(0, 400))
def test_a_partial_output_has_the_whole_pieces(
    pieces: list[str], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("partial") / "out"
    partial = PartialOutput(out, {"settings": {"a": 1}})
    sizes = [partial.path.stat().st_size]
    for piece in pieces:
        partial.append(2, piece)
        sizes.append(partial.path.stat().st_size)
    partial.close()
    kept = max(sizes[-1] - cut, sizes[0])
    os.truncate(partial.path, kept)
    again = PartialOutput(out, {"settings": {"a": 1}})
    done = sum(size <= kept for size in sizes) - 1
    assert again.lines == 2 * done
    again.append(1, "end")
    again.finish("begin")
    assert out.read_text("utf-8") == "".join(["begin", *pieces[:done], "end"])


def test_what_is_in_the_way_is_left_alone(text: Path, tmp_path: Path, fails: Fails) -> None:
    given = ("translate", RUN, text, *SMALL, "--out")
    (tmp_path / "out.partial").write_text("notes of mine\n")
    assert "is no partial output of seq2seq: move it away" in fails(*given, tmp_path / "out")
    assert (tmp_path / "out.partial").read_text() == "notes of mine\n"
    with lock_output(tmp_path / "other"):
        assert "is being written by another process" in fails(*given, tmp_path / "other")
    assert "is the text itself" in fails(*given, text)
    assert "is no plain file" in fails(*given, tmp_path)
    assert "is no plain file" in fails(*given, os.devnull, "--restart")
    assert "in no folder that there is" in fails(*given, tmp_path / "none" / "out")
    text.write_bytes(b"a\n" * 200 + b"l'\xe9t\xe9\n")
    assert "big.txt:201: not valid UTF-8" in fails(*given, tmp_path / "out")


def test_what_has_no_effect_is_refused(text: Path, fails: Fails) -> None:
    for options, said in (
        (["-", "--out", "o"], "--out needs a FILE to translate"),
        ([text, "--workers", "2"], "--workers needs --out FILE"),
        ([text, "--restart"], "--restart needs --out FILE"),
        ([text, "--scores"], "--scores has no effect without --pairs"),
        ([text, "--out", "o", "--terms", text], "--terms can't be used with --out"),
        ([text, "--pairs", "--json"], "--json can't be used with --pairs"),
        ([text, "--pairs", "--out", "o.csv.gz"], "pairs are written to .tsv or .jsonl"),
        ([text, "--pairs", "--tag", "<B T>"], "has white space in it"),
    ):
        assert said in fails("translate", RUN, *options)


# ---------------------------------------------------------------------------------------------
# pairs


@pytest.mark.parametrize(
    ("name", "reversed_by"),
    [
        ("bt.tsv", ["--tag", "<BT>"]),
        ("bt.jsonl.gz", ["--reverse"]),
        ("bt.tsv.zst", ["--reverse", "--tag", "<BT>"]),
    ],
)
def test_pairs_are_read_back(
    name: str, reversed_by: list[str], text: Path, tmp_path: Path, run: Call
) -> None:
    out, lines = tmp_path / name, read_lines(text)
    best = Translator.load(RUN, "cpu").candidates(lines, 1, batch_size=4, beam_size=1)
    translations = [each.text for (each,) in best]
    given = ("translate", RUN, text, *SMALL, "--pairs", "--out", out)
    run(*given)
    corpus = ParallelCorpus.read(out)
    assert (corpus.sources, corpus.targets) == (lines, translations)
    _, said = run(*given, "--restart", *reversed_by, "--scores")
    assert "the translation, the target is the line\n" in said
    corpus = ParallelCorpus.read(out)
    assert corpus.targets == lines
    tag = "<BT> " * ("--tag" in reversed_by)
    assert corpus.sources == [f"{tag}{each}" if each else "" for each in translations]
    if "tsv" in name:
        rows = [line.split("\t") for line in read_lines(out)]
        assert rows.pop(0) == ["source", "target", "log_probability"]
        scores = [float(score) for _, _, score in rows]
        assert scores == pytest.approx([each.log_probability for (each,) in best], abs=1e-4)
    else:
        found = [json.loads(line)["log_probability"] for line in read_lines(out)]
        assert found == pytest.approx([each.log_probability for (each,) in best], abs=1e-5)


no_line_end = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))


@pytest.mark.filterwarnings("ignore:.*which is hardly text")
@settings(max_examples=40)
@given(
    pairs=st.lists(st.tuples(no_line_end, no_line_end), min_size=1, max_size=4),
    reverse=st.booleans(),
    scores=st.booleans(),
)
def test_any_pair_is_read_back_as_json(
    pairs: list[tuple[str, str]],
    reverse: bool,
    scores: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    check_rows("p.jsonl", pairs, reverse, scores, tmp_path_factory.mktemp("pairs"))


in_a_table = no_line_end.filter(lambda text: not {"\t", "\r", '"'} & {*text})


@pytest.mark.filterwarnings("ignore:.*which is hardly text")
@settings(max_examples=40)
@given(
    pairs=st.lists(
        st.tuples(in_a_table | st.sampled_from(["English", "source"]), in_a_table),
        min_size=1,
        max_size=4,
    ),
    reverse=st.booleans(),
    scores=st.booleans(),
)
def test_any_pair_is_read_back_from_a_table(
    pairs: list[tuple[str, str]],
    reverse: bool,
    scores: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    check_rows("p.tsv", pairs, reverse, scores, tmp_path_factory.mktemp("pairs"))


def check_rows(
    name: str, pairs: list[tuple[str, str]], reverse: bool, scores: bool, folder: Path
) -> None:
    """What is written of pairs is what our reader reads."""
    command = Translate("run", out=name, pairs=True, reverse=reverse, scores=scores)
    rows = [
        row
        for number, (line, text) in enumerate(pairs, 1)
        for row in output_rows(number, line, [Translation(text, [], -1.5, 0.0, [])], command)
    ]
    path = folder / name
    path.write_text(header(command) + "".join(f"{row}\n" for row in rows), "utf-8", newline="\n")
    corpus = ParallelCorpus.read(path)
    found = (*zip(corpus.sources, corpus.targets, strict=True),)
    assert [pair[::-1] if reverse else pair for pair in found] == pairs


def test_what_a_table_cannot_hold_is_named_before_anything_is_written(
    text: Path, tmp_path: Path, run: Call, fails: Fails
) -> None:
    with text.open("a", encoding="utf-8", newline="\n") as file:
        file.write("a\tb\n")
    given = ("translate", RUN, text, *SMALL, "--pairs", "--out")
    said = fails(*given, tmp_path / "pairs.tsv")
    assert "line 131 has a tab in it" in said
    assert "give --out a name in .jsonl" in said
    assert not [*tmp_path.glob("pairs*")]
    run(*given, tmp_path / "pairs.jsonl")
    assert ParallelCorpus.read(tmp_path / "pairs.jsonl").sources[-1] == "a\tb"


def test_pairs_go_through_a_pipe(text: Path, run: Call) -> None:
    out, said = run("translate", RUN, text, *SMALL, "--pairs")
    assert "pairs: the source is the line, the target is the translation; back-tran" in said
    first, *rows = out.splitlines()
    assert first == "source\ttarget"
    assert [row.split("\t")[0] for row in rows] == read_lines(text)
