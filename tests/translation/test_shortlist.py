"""Shortlists of runs: counted in training, kept in the run, used by translators and commands."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seq2seq.cli.main import main
from seq2seq.config.decoding import MAX_SHORTLIST
from seq2seq.config.experiment import Experiment
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.data.readers.lines import read_lines
from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.hypothesis import Ids
from seq2seq.errors import RunError, SettingsError
from seq2seq.runs.directory import RunDirectory
from seq2seq.translation.shortlist import FREQUENT, count_shortlist
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator

OLD_RUN = Path(__file__).parent.parent / "runs" / "format-2" / "translation"


@pytest.fixture
def small(
    experiment: Callable[..., Experiment], letters: Corpora
) -> Callable[..., tuple[RunDirectory, bytes]]:
    """Trains a tiny run for some steps, or on; the run, and what its shortlist's file holds."""

    def trained_for(steps: int, *, resume: bool = False) -> tuple[RunDirectory, bytes]:
        train(replace(experiment(max_steps=steps), resume=resume), letters)
        run = RunDirectory(experiment().run)
        return run, run.shortlist.read_bytes()

    return trained_for


def cipher_pairs() -> Iterator[tuple[Ids, Ids]]:
    """Pairs whose target tokens are the source's plus 100, in another order."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(2000):
        source = (4 + torch.randperm(296, generator=generator)[:8]).tolist()
        yield source, [100 + token for token in reversed(source)]


def test_it_has_the_likeliest_translations_best_first() -> None:
    sources, targets = zip(*cipher_pairs(), strict=True)
    shortlist = count_shortlist(sources, targets, (300, 400), [399, 50])
    assert shortlist.best.shape == (300, MAX_SHORTLIST)
    always = {*shortlist.always.tolist()}
    assert {0, 1, 2, 3, 50, 399} <= always
    assert len(always) <= FREQUENT + 6
    tokens = [token for token in range(4, 300) if token + 100 not in always]
    right = sum(int(shortlist.best[token, 0]) == token + 100 for token in tokens)
    assert right > 0.9 * len(tokens)
    assert not always.intersection(shortlist.best[shortlist.best > 0].tolist())
    assert shortlist.best[:EOS_ID].sum() == 0, "what never is in a source has no translations"


def test_a_continued_training_makes_the_same_one(
    small: Callable[..., tuple[RunDirectory, bytes]],
) -> None:
    run, before = small(2)
    run.shortlist.unlink()
    assert small(2, resume=True)[1] == before, "a run of an earlier version gets one"
    assert small(3, resume=True)[1] == before


def test_a_file_that_is_there_is_not_counted_again(
    small: Callable[..., tuple[RunDirectory, bytes]],
) -> None:
    run, _ = small(2)
    written = run.shortlist.stat().st_mtime_ns
    small(3, resume=True)
    assert run.shortlist.stat().st_mtime_ns == written


def test_a_damaged_one_and_one_of_another_run_are_named(
    small: Callable[..., tuple[RunDirectory, bytes]], trained: Path
) -> None:
    run, good = small(2)
    for other in (good[:-4], b"", good.replace(b"shortlist 1", b"shortlist 2")):
        run.shortlist.write_bytes(other)
        with pytest.raises(RunError, match=r"shortlist.safetensors is damaged"):
            Translator.load(run.path, "cpu")
    shutil.copy(RunDirectory(trained).shortlist, run.shortlist)
    with pytest.raises(RunError, match=r"shortlist.safetensors belongs to another run"):
        Translator.load(run.path, "cpu")


def test_a_run_without_one_translates_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    translator = Translator.load(OLD_RUN, "cpu")
    assert translator.translate("Emma sucht das Haus.")
    with pytest.raises(SettingsError, match=r"needs a run with a file shortlist\.safetensors"):
        translator.translate("Emma sucht das Haus.", shortlist=20)
    with pytest.raises(SystemExit) as ended:
        main(["translate", str(OLD_RUN), "--decoding.shortlist", "20"])
    assert ended.value.code == 2
    assert "--resume" in capsys.readouterr().err


def test_it_hardly_changes_a_translation(trained: Path, sample: Path) -> None:
    translator = Translator.load(trained, "cpu")
    lines = read_lines(sample / "test.en")[:150]
    for options in ({"beam_size": 1}, {"beam_size": 4}):
        full = translator.translate(lines, **options)
        short = translator.translate(lines, shortlist=20, **options)
        same = sum(one == other for one, other in zip(full, short, strict=True))
        assert 0.8 * len(lines) < same
        assert translator.translate(lines, shortlist=20, batch_size=7, **options) == short


def test_it_goes_with_prefixes_and_candidates(trained: Path, sample: Path) -> None:
    translator = Translator.load(trained, "cpu")
    line = read_lines(sample / "test.en")[0]
    word = next(reversed(list(translator.target.vocab)))
    found = translator.candidates(line, n=3, prefix=word, shortlist=1)
    assert len(found) == 3
    assert all(each.tokens[0] == word for each in found)


def test_forced_scores_are_of_the_whole_vocabulary(trained: Path, sample: Path) -> None:
    translator = Translator.load(trained, "cpu")
    line = read_lines(sample / "test.en")[0]
    expected = translator.score(line, "il dort .")
    translator.settings = replace(translator.settings, shortlist=5)
    assert translator.score(line, "il dort .") == expected


def test_a_saved_translator_keeps_it(trained: Path, tmp_path: Path, sample: Path) -> None:
    translator = Translator.load(trained, "cpu")
    translator.save(tmp_path / "run")
    lines = read_lines(sample / "test.en")[:5]
    again = Translator.load(tmp_path / "run", "cpu")
    assert again.translate(lines, shortlist=10) == translator.translate(lines, shortlist=10)


def test_the_command_line(
    trained: Path, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = read_lines(sample / "test.en")[:10]
    file = tmp_path / "lines.txt"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    main(["translate", str(trained), str(file), "--decoding.shortlist", "5"])
    expected = Translator.load(trained, "cpu").translate(lines, shortlist=5)
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.parametrize("other", [{"method": "sample"}, {"language_model": "runs/english"}])
def test_what_needs_the_whole_vocabulary_is_refused(trained: Path, other: dict[str, str]) -> None:
    translator = Translator.load(trained, "cpu")
    flags = rf"--decoding\.shortlist.* --decoding\.{next(iter(other)).replace('_', '-')}"
    with pytest.raises(SettingsError, match=flags):
        translator.translate("We sleep.", shortlist=5, **other)


def test_a_symbol_that_stays_whole_can_always_come(
    experiment: Callable[..., Experiment], letters: Corpora
) -> None:
    settings = experiment(max_steps=1)
    settings = replace(settings, data=replace(settings.data, special_symbols=("<name>",)))
    rows = ["<name> a"] + [f"a w{number} w{number}" for number in range(200)]
    corpus = ParallelCorpus(rows, rows, "names")
    train(settings, Corpora(corpus, letters.validation))
    translator = Translator.load(settings.run, "cpu")
    assert translator.shortlist is not None
    assert translator.target.vocab.ids("<name>") in translator.shortlist.always.tolist()
