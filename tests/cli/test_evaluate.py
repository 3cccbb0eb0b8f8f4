"""compare, analyze and exposure as a user meets them: tables, JSON, pictures and mistakes."""

import json
import re
import shutil
import subprocess
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.cli.analyses import OtherTokensWarning
from seq2seq.data.readers.lines import read_lines
from seq2seq.evaluation.breakdown import breakdown
from seq2seq.evaluation.exposure_bias import measure_exposure_bias
from seq2seq.evaluation.metrics import METRICS, evaluate
from seq2seq.evaluation.significance import compare
from seq2seq.translation.engine import LongSentenceWarning
from seq2seq.translation.translator import Translator

SENTENCES = 110
OTHER_TOKENS = Path(__file__).parents[1] / "runs" / "format-2" / "translation"


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory, trained: Path, sample: Path) -> Path:
    """A folder: source, references, a system's translations, worse ones, and what is wrong."""
    folder = tmp_path_factory.mktemp("text")
    lines = {
        "source": read_lines(sample / "test.en")[:SENTENCES],
        "reference": read_lines(sample / "test.fr")[:SENTENCES],
    }
    lines["system"] = Translator.load(trained, "cpu").translate(lines["source"])
    lines["same"] = lines["system"]
    lines["worse"] = [" ".join(line.split()[::-1]) for line in lines["system"]]
    lines["short"] = lines["source"][:-1]
    lines["empty"] = []
    for name, rows in lines.items():
        (folder / name).write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    (folder / "folder").mkdir()
    return folder


Run = Callable[..., tuple[str, str]]


def test_compare_a_run_with_files(run: Run, text: Path, trained: Path) -> None:
    systems = [trained, text / "same", text / "worse"]
    files = ["--source", text / "source", "--reference", text / "reference"]
    common = ["--samples", 60, "--seed", 7, "--device", "cpu"]
    out, err = run("compare", *systems, *files, *common, "--json")
    assert err == ""
    found = json.loads(out)
    assert list(found) == [*METRICS]
    expected = compare(
        {
            str(path): read_lines(text / name)
            for path, name in zip(systems, ("same", "same", "worse"), strict=True)
        },
        read_lines(text / "reference"),
        samples=60,
        seed=7,
    )
    for metric, comparison in expected.items():
        assert found[metric]["signature"] == comparison.signature
        assert list(found[metric]["systems"]) == list(map(str, systems)), "the baseline first"
        for name, score in comparison.systems.items():
            assert found[metric]["systems"][name] == score._asdict()
    p_values = [row["p_value"] for row in found["bleu"]["systems"].values()]
    assert p_values[:2] == [None, 1]
    assert p_values[2] < 0.05
    assert run("compare", *systems, *files, *common, "--json") == (out, "")


@pytest.mark.parametrize("test", ["bootstrap", "randomization"])
def test_compare_files_needs_no_source(run: Run, text: Path, test: str) -> None:
    out, err = run(
        *("compare", text / "system", text / "worse", "--samples", 20, "--test", test),
        *("--reference", text / "reference", text / "reference", "--lowercase"),
    )
    assert err == ""
    blocks = re.findall(
        r"(\S.*?) +(nrefs:2\S+)\n  (\S+) +([\d.]+)  \([\d.]+ ± [\d.]+\)  baseline\n"
        r"  (\S+) +[\d.]+  \([\d.]+ ± [\d.]+\)  p = [01]\.\d{4}\n",
        out,
    )
    assert [block[0] for block in blocks] == [metric.title for metric in METRICS.values()]
    assert all("seed:12345" in block[1] and "case:lc" in block[1] for block in blocks)
    assert blocks[0][2] == str(text / "system")
    assert len(out.splitlines()) == 3 * len(METRICS)


def test_an_empty_line_beside_other_references_is_none(
    run: Run, text: Path, trained: Path, tmp_path: Path
) -> None:
    """A third file has a reference for the first half of the sentences only."""
    lines = read_lines(text / "worse")[: SENTENCES // 2]
    third = tmp_path / "third"
    third.write_text("".join(f"{row}\n" for row in lines) + "\n" * (SENTENCES - len(lines)))
    paths = [text / "reference", text / "worse", third]
    streams = [read_lines(path) for path in paths]
    references = [list(filter(None, entry)) for entry in zip(*streams, strict=True)]
    assert {len(entry) for entry in references} == {2, 3}
    system = read_lines(text / "system")
    expected = evaluate(system, references)["bleu"]
    common = ["--source", text / "source", "--reference", *paths, "--json"]
    out, err = run("evaluate", trained, *common, "--device", "cpu")
    assert (json.loads(out)["bleu"], err) == (expected._asdict(), "")
    assert "nrefs:var|" in expected.signature
    found = json.loads(run("analyze", text / "system", *common)[0])
    assert found["bleu"] == expected._asdict()
    out, _ = run("compare", text / "system", text / "worse", *common, "--samples", 5)
    systems = json.loads(out)["bleu"]["systems"]
    assert systems[str(text / "system")]["score"] == pytest.approx(expected.score)


def test_analyze_a_run_and_a_file_alike(run: Run, text: Path, trained: Path) -> None:
    files = ["--source", text / "source", "--reference", text / "reference"]
    out, err = run("analyze", trained, *files, "--device", "cpu", "--json", "--bucket-size", 3)
    assert err == ""
    found = json.loads(out)
    expected = breakdown(
        *(read_lines(text / name) for name in ("source", "system", "reference")), bucket_size=3
    )
    assert found.keys() == {"bleu", "lengths", "quarters", "longest_ngram"}
    assert found["bleu"] == expected.bleu._asdict()
    assert found["lengths"] == [part._asdict() for part in expected.lengths]
    assert found["quarters"] == [part._asdict() for part in expected.quarters]
    assert sum(row["sentences"] for row in found["lengths"]) == SENTENCES
    assert run("analyze", text / "system", *files, "--json", "--bucket-size", 3) == (out, "")


def test_analyze_prints_two_tables(run: Run, text: Path) -> None:
    out, err = run(
        *("analyze", text / "worse", "--source", text / "source"),
        *("--reference", text / "reference", "--tokenize", "char"),
    )
    assert err == ""
    head, lengths, quarters = out.split("\n\n")
    assert re.fullmatch(r"BLEU  [\d.]+  nrefs:1\|.*tok:char.*", head)
    assert lengths.splitlines()[0].split()[:2] == ["source", "words"]
    assert all(re.match(r" +\d+-\d+  ", line) for line in lengths.splitlines()[1:])
    assert [line.split()[0] for line in quarters.splitlines()] == [
        *("quarter", "1/4", "2/4", "3/4", "4/4", "Quarters:")
    ]


def test_exposure_of_two_runs(run: Run, text: Path, trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    files = ["--source", text / "source", "--reference", text / "reference"]
    picture = tmp_path / "gap.png"
    out, err = run(
        "exposure", trained, other, *files, "--device", "cpu", "--json", "--plot", picture
    )
    assert err == ""
    assert picture.read_bytes().startswith(b"\x89PNG")
    found = json.loads(out)
    assert list(found) == [str(trained), str(other)]
    assert found[str(trained)] == found[str(other)]
    translator = Translator.load(trained, "cpu")
    expected = measure_exposure_bias(
        translator.model,
        translator.source.encode(read_lines(text / "source")),
        translator.target.encode(read_lines(text / "reference")),
        translator.device,
    )
    rows = found[str(trained)]["positions"]
    assert [row["position"] for row in rows] == list(range(1, len(expected.positions) + 1))
    assert rows[0]["tokens"] == SENTENCES
    for row, position in zip(
        [*rows, found[str(trained)]["total"]], [*expected.positions, expected.total], strict=True
    ):
        for name, value in position._asdict().items():
            assert row[name] == pytest.approx(value)
        assert row["accuracy_gap"] == pytest.approx(row["reference_accuracy"] - row["own_accuracy"])
        assert row["log_probability_gap"] == pytest.approx(position.log_probability_gap)
    assert 0 < expected.total.own_accuracy < expected.total.reference_accuracy < 1


def test_exposure_of_runs_with_other_tokens_is_told(run: Run, text: Path, trained: Path) -> None:
    files = ["--source", text / "source", "--reference", text / "reference"]
    with warnings.catch_warnings():
        warnings.simplefilter("default", OtherTokensWarning)
        _, err = run("exposure", trained, OTHER_TOKENS, *files, "--device", "cpu")
    assert err.count("warning: ") == 1
    assert f"{trained} and {OTHER_TOKENS} cut their targets into other tokens" in err


def test_exposure_prints_a_table(run: Run, text: Path, trained: Path) -> None:
    out, err = run(
        *("exposure", trained, "--source", text / "source", "--reference", text / "reference"),
        *("--max-length", 3, "--device", "cpu"),
    )
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == str(trained)
    assert [line.split()[0] for line in lines[2:7]] == ["position", "1", "2", "3", "all"]
    assert len({len(line) for line in lines[2:7]}) == 1, "columns stand in line"
    first = lines[3].replace("|", " ").split()
    assert first[1:3] == [str(SENTENCES), "0"]
    assert first[3] == first[4], "the first token has no history yet"


def test_exposure_shows_what_scheduled_sampling_puts_into_the_history(
    run: Run, text: Path, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    files = ["--source", text / "source", "--reference", text / "reference", "--device", "cpu"]
    out, err = run("exposure", trained, *files, "--show", 2, "--rate", 1)
    assert err == ""
    title, *lines, _ = out.splitlines()
    assert title == f"{trained}, the history at a rate of scheduled sampling of 1.0"
    translator = Translator.load(trained, "cpu")
    sources, references = read_lines(text / "source")[:2], read_lines(text / "reference")[:2]
    greedy = translator.candidates(sources, 1, beam_size=1)
    for number, source in enumerate(sources):
        above, reference, own = lines[3 * number : 3 * number + 3]
        assert above.split() == [str(number + 1), "source", *source.split()]
        tokens = translator.target.tokenizer.tokenize(references[number])
        shown = translator.target.vocab.tokens(translator.target.vocab.ids(tokens))
        assert reference.split() == ["reference", "<bos>", *shown]
        # At a rate of 1 all of the history is the model's own greedy translation, after bos.
        assert own.startswith("     rate 1.0      ")
        begun = greedy[number][0].tokens[: len(tokens)]
        assert own.split()[2 : 2 + len(begun)] == begun
    forced, _ = run("exposure", trained, *files, "--show", 2, "--rate", 0)
    assert forced.splitlines()[3].split() == ["rate", "0.0"]
    half = run("exposure", trained, *files, "--show", 2)[0].splitlines()
    assert half[3].startswith("     rate 0.5 ")
    reference, own = half[2], half[3]
    for match in re.finditer(r"\S+", own[20:]):  # each stands below a token of the reference
        assert reference[20 + match.start() - 1] == " " != reference[20 + match.start()]


def test_long_sources_are_cut_with_a_warning(run: Run, trained: Path, tmp_path: Path) -> None:
    (tmp_path / "long").write_text("story " * 600 + "\nstory\n")
    (tmp_path / "reference").write_text("histoire\nhistoire\n")
    files = ["--source", tmp_path / "long", "--reference", tmp_path / "reference"]
    with warnings.catch_warnings():
        warnings.simplefilter("default", LongSentenceWarning)
        out, err = run("exposure", trained, *files, "--device", "cpu")
    assert "all" in out
    assert err.startswith(f"warning: {trained}: 1 of 2 sentences have more than 500 source tokens")


COMPARE = ["compare", "TEXT/system", "TEXT/worse", "--reference", "TEXT/reference"]
ANALYZE = ["analyze", "TEXT/system", "--reference", "TEXT/reference"]
EXPOSURE = ["exposure", "TRAINED", "--source", "TEXT/source", "--reference"]
MISTAKES: dict[str, tuple[list[str], list[str]]] = {
    "compare nothing": (["compare"], ["at least two systems"]),
    "compare one": ([*COMPARE[:2], *COMPARE[3:]], ["at least two systems"]),
    "compare twice": (
        ["compare", "TEXT/system", "TEXT/system", *COMPARE[3:]],
        ["system is given twice"],
    ),
    "compare no reference": (COMPARE[:3], ["give --reference FILE"]),
    "compare missing": (
        ["compare", "TEXT/system", "TEXT/wors", *COMPARE[3:]],
        ["there is no file", "wors", "did you mean", "worse"],
    ),
    "compare a run without source": (
        ["compare", "TRAINED", "TEXT/system", *COMPARE[3:]],
        ["is a run: give --source FILE"],
    ),
    "compare a folder": (
        ["compare", "TEXT/folder", "TEXT/system", *COMPARE[3:]],
        ["folder is not a run directory"],
    ),
    "compare unequal": (
        ["compare", "TEXT/system", "TEXT/short", *COMPARE[3:]],
        ["reference has 110 lines", "short has 109"],
    ),
    "compare unequal source": (
        [*COMPARE, "--source", "TEXT/short"],
        ["short has 109 lines", "reference has 110"],
    ),
    "compare unequal references": (
        [*COMPARE, "TEXT/short"],
        ["reference has 110 lines", "short has 109"],
    ),
    "compare empty": (
        ["compare", "TEXT/empty", "TEXT/system", "--reference", "TEXT/empty"],
        ["empty has 0 lines", "system has 110"],
    ),
    "compare device": ([*COMPARE, "--device", "cpu"], ["--device cpu is for runs"]),
    "compare seed": ([*COMPARE, "--seed", "0"], ["--seed 0"]),
    "compare samples": ([*COMPARE, "--samples", "0"], ["--samples 0"]),
    "compare test": ([*COMPARE, "--test", "t"], ["--test", "bootstrap"]),
    "compare tokenization": ([*COMPARE, "--tokenize", "13b"], ["--tokenize 13b is not one of"]),
    "analyze nothing": (["analyze"], ["RUN|FILE"]),
    "analyze no source": (ANALYZE, ["give --source FILE"]),
    "analyze no reference": ([*ANALYZE[:2], "--source", "TEXT/source"], ["give --reference FILE"]),
    "analyze unequal": (
        [*ANALYZE, "--source", "TEXT/short"],
        ["short has 109 lines", "reference has 110"],
    ),
    "analyze empty": (
        ["analyze", "TEXT/empty", "--source", "TEXT/empty", "--reference", "TEXT/empty"],
        ["empty is empty: there is nothing to score"],
    ),
    "analyze buckets": (
        [*ANALYZE, "--source", "TEXT/source", "--bucket-size", "0"],
        ["--bucket-size 0 must be at least 1"],
    ),
    "exposure nothing": (["exposure"], ["give RUN, --source FILE and --reference FILE"]),
    "exposure no reference": (EXPOSURE[:4], ["give RUN, --source FILE and --reference FILE"]),
    "exposure of a file": (
        ["exposure", "TEXT/system", *EXPOSURE[2:], "TEXT/reference"],
        ["is a file, and a run is a directory"],
    ),
    "exposure twice": (
        ["exposure", "TRAINED", "TRAINED", *EXPOSURE[2:], "TEXT/reference"],
        ["is given twice"],
    ),
    "exposure unequal": ([*EXPOSURE, "TEXT/short"], ["source has 110 lines", "short has 109"]),
    "exposure missing": ([*EXPOSURE, "TEXT/refrence"], ["refrence", "did you mean"]),
    "exposure position": (
        [*EXPOSURE, "TEXT/reference", "--max-length", "0"],
        ["--max-length 0 must be at least 1"],
    ),
    "exposure shows or measures": (
        [*EXPOSURE, "TEXT/reference", "--show", "3", "--max-length", "9", "--json"],
        ["--max-length 9 has no effect with --show", "--json True has no effect with --show"],
    ),
    "exposure rate": (
        [*EXPOSURE, "TEXT/reference", "--rate", "0.3"],
        ["--rate 0.3 has no effect with --show 0"],
    ),
    "exposure picture": (
        [*EXPOSURE, "TEXT/reference", "--plot", "gap.gif"],
        ["gap.gif must end in .png"],
    ),
    "exposure picture nowhere": (
        [*EXPOSURE, "TEXT/reference", "--plot", "nowhere/gap.png"],
        ["there is no folder nowhere"],
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_clear_message(
    mistake: str,
    text: Path,
    trained: Path,
    tmp_path: Path,
    fails: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    names = {"TRAINED": str(trained), "TEXT": str(text)}
    arguments, wanted = MISTAKES[mistake]
    said = fails(*(re.sub("TRAINED|TEXT", lambda match: names[match[0]], a) for a in arguments))
    for part in wanted:
        assert part in said
    assert not list(tmp_path.iterdir())


def test_programs_of_their_own(
    command: Callable[..., subprocess.CompletedProcess[bytes]], text: Path, trained: Path
) -> None:
    """Nothing but results on stdout, and nothing on stderr."""
    files = ["--source", text / "source", "--reference", text / "reference", "--device", "cpu"]
    result = command("-m", "seq2seq", "compare", trained, text / "worse", *files, "--samples", 9)
    assert (result.returncode, result.stderr) == (0, b"")
    assert len(result.stdout.splitlines()) == 3 * len(METRICS)
    result = command("-m", "seq2seq", "exposure", trained, *files, "--max-length", 2)
    assert (result.returncode, result.stderr) == (0, b"")
