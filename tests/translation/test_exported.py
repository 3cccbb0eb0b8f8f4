"""A translator of an exported run says what the run's own says."""

import copy
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from seq2seq.config.experiment import Experiment
from seq2seq.data.readers.lines import read_lines
from seq2seq.data.vocabulary import Vocab
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.export.directory import Export
from seq2seq.export.write import write_export
from seq2seq.runs.run import Run
from seq2seq.translation.engine import LongSentenceWarning
from seq2seq.translation.ensemble import load_translation_model
from seq2seq.translation.exported_engine import ExportedMember, available_threads
from seq2seq.translation.translator import Translator
from tests.support.tampering import replace_in_export

KEPT = Path(__file__).parent.parent / "runs" / "format-2"
ODD = ["", " ", "<eos>", "We must <unk> write a 🦜.", "دعنا نكتب قصة", "?!…" * 40, "word\x00"]


def export_run(run: Path, directory: Path, *, int8: bool = False) -> Path:
    """Exports a run."""
    opened = Run(run)
    loaded = load_translation_model(opened)
    sides = loaded.source, loaded.target
    write_export(directory, loaded.model, sides, opened.experiment(Experiment), int8=int8)
    return directory


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_run(trained, tmp_path_factory.mktemp("exports") / "trained")


@pytest.fixture(scope="module")
def both(trained: Path, exported: Path) -> tuple[Translator, Translator]:
    """Of the run itself, and of its export."""
    return Translator.load(trained, "cpu"), Translator.load(exported)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Translator:
    """Of a run that an earlier version made, exported; it has attention."""
    directory = tmp_path_factory.mktemp("exports") / "kept"
    return Translator.load(export_run(KEPT / "translation", directory))


@pytest.mark.parametrize("beam_size", [1, 5])
def test_the_same_translations(
    both: tuple[Translator, Translator], sample: Path, beam_size: int
) -> None:
    """On a thousand sentences."""
    texts = [*read_lines(sample / "train.en")[:1000], *ODD]
    expected, found = (each.translate(texts, beam_size=beam_size) for each in both)
    assert found == expected


def test_strings_lists_streams_and_prefixes(both: tuple[Translator, Translator]) -> None:
    text, prefix = "We must write a story.", "Nous devons"
    for begun in (None, prefix):
        expected, found = (each.translate(text, prefix=begun) for each in both)
        assert found == expected
    expected_rows, rows = (
        [*each.candidate_lines(iter([text, "", text]), 2, prefixes=[prefix, "", ""])]
        for each in both
    )
    for (line, candidates), (other, others) in zip(rows, expected_rows, strict=True):
        assert line == other
        assert [each.tokens for each in candidates] == [each.tokens for each in others]
        assert [each.score for each in candidates] == pytest.approx(
            [each.score for each in others], abs=1e-4
        )
    with pytest.raises(DataError, match="text is 3"):
        both[1].translate(3)  # type: ignore[call-overload]
    with pytest.warns(LongSentenceWarning, match="sentence 1 has 5 tokens; the first 3"):
        both[1].translate("We must write a story", max_source_length=3)


def test_the_same_attention_and_scores(kept: Translator) -> None:
    translator = Translator.load(KEPT / "translation", "cpu")
    text = "Emma sucht das Haus."
    expected, found = (
        each.candidates(text, 3, attention=True, coverage_penalty=0.1)
        for each in (translator, kept)
    )
    for candidate, other in zip(found, expected, strict=True):
        assert candidate.text == other.text
        assert candidate.alignment == other.alignment
        assert np.allclose(candidate.attention, other.attention, atol=1e-5)
        assert candidate.score == pytest.approx(other.score, abs=1e-5)
    scored, expected_scores = (each.score([text, ""], ["Emma", ""]) for each in (kept, translator))
    for score, other_score in zip(scored, expected_scores, strict=True):
        assert score.tokens == other_score.tokens
        assert score.token_log_probabilities == pytest.approx(
            other_score.token_log_probabilities, abs=1e-5
        )


def test_int8_says_nearly_the_same_and_batches_change_nothing(
    both: tuple[Translator, Translator], trained: Path, sample: Path, tmp_path: Path
) -> None:
    texts = read_lines(sample / "test.en")[:200]
    translator = Translator.load(export_run(trained, tmp_path / "int8", int8=True))
    expected, found = both[0].translate(texts), translator.translate(texts)
    # A model of 240 updates is often undecided, and rounding then decides.
    assert sum(map(str.__eq__, found, expected)) > 0.8 * len(texts)
    assert translator.translate(texts, batch_size=1) == found
    assert [translator.translate(text) for text in texts[:20]] == found[:20]


def test_an_ensemble_of_exports_says_what_that_of_runs_says(
    both: tuple[Translator, Translator],
    trained: Path,
    exported: Path,
    sample: Path,
    tmp_path: Path,
) -> None:
    """The second model is the first with other weights, saved and exported."""
    expected, alone = both
    model = copy.deepcopy(expected.model)
    with torch.no_grad():
        model.decoder.output.weight += 0.1 * torch.randn(model.decoder.output.weight.shape)
    Translator(model, expected.source, expected.target, device="cpu").save(
        tmp_path / "other", Run(trained).experiment(Experiment).model
    )
    export_run(tmp_path / "other", tmp_path / "export")
    runs = Translator.load(trained, "cpu", ensemble=tmp_path / "other")
    exports = Translator.load(exported, ensemble=[Export(tmp_path / "export")])
    texts = read_lines(sample / "test.en")[:100]
    for beam_size in (1, 5):
        found = exports.translate(texts, beam_size=beam_size)
        assert found == runs.translate(texts, beam_size=beam_size)
        assert found != alone.translate(texts, beam_size=beam_size)
    scores = (each.score(texts[0], "Nous devons").log_probability for each in (runs, exports))
    assert next(scores) == pytest.approx(next(scores), abs=1e-4)


def test_an_ensemble_needs_one_target_and_one_kind_of_models(
    both: tuple[Translator, Translator], trained: Path, exported: Path, tmp_path: Path
) -> None:
    other = export_run(KEPT / "translation", tmp_path / "kept")
    with pytest.raises(SettingsError, match=r"exports.* and .*kept can't be an ensemble: their"):
        Translator.load(exported, ensemble=[other])
    for run, ensemble in ((trained, [exported]), (exported, trained)):
        with pytest.raises(SettingsError, match="can't be in an ensemble with a run: give the"):
            Translator.load(run, ensemble=ensemble)
    with pytest.raises(RunError, match="there is no run at"):
        Translator.load(exported, ensemble=tmp_path / "misspelt")
    model, source, target = Export(exported).load_model(), both[1].source, both[1].target
    with pytest.raises(SettingsError, match="can't be in an ensemble with a run"):
        Translator(model, source, target, others=both[0].members)
    with pytest.raises(SettingsError, match="can't be in an ensemble with a run"):
        Translator(both[0].model, source, target, others=[ExportedMember(model, source)])
    twice = Translator(model, source, target, others=[ExportedMember(model, source)])
    with pytest.raises(SettingsError, match="and not all of these were trained with it"):
        twice.candidates("We must eat.", attention=True)


def test_threads_are_as_many_as_torch_would_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert available_threads() == 3
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert 1 <= available_threads() <= (os.cpu_count() or 1)


REFUSED = [
    ({"method": "sample"}, "method sample: an exported model is searched greedily or with"),
    ({"method": "diverse-beam"}, "method diverse-beam"),
    ({"method": "mbr"}, "method mbr"),
    ({"shortlist": 50}, "shortlist 50"),
    ({"language_model": "runs/lm"}, "language-model runs/lm"),
    ({"precision": "bfloat16"}, "precision bfloat16"),
    ({"beam_size": 10**6}, "more than the target vocabulary has"),
    ({"beam_sise": 3}, "unknown decoding setting beam_sise"),
    ({"replace_unknown": True}, "replace_unknown needs a model with attention, and this one"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED)
def test_what_it_cant_do_is_refused_by_name(
    both: tuple[Translator, Translator], settings: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        both[1].translate("We must eat.", **settings)


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("more", [-1, 1])
def test_other_vocabularies_are_told(
    both: tuple[Translator, Translator], exported: Path, tmp_path: Path, side: str, more: int
) -> None:
    """Of a target that is smaller or larger; of a source that has tokens which the model lacks."""
    path = Path(shutil.copytree(exported, tmp_path / "export"))
    tokens = [*getattr(both[1], side).vocab]
    other = Vocab([*tokens, "more"] if more > 0 else tokens[:-1], [0] * (len(tokens) + more))
    other.save(tmp_path / "vocab")
    replace_in_export(path, f"{side}.vocab.json", (tmp_path / "vocab").read_bytes())
    if (side, more) == ("source", -1):  # the model's last token never comes
        assert Translator.load(path).translate("We must eat.")
        return
    with pytest.raises(RunError, match=r"of other vocabularies|can.t be computed"):
        Translator.load(path)


def test_what_needs_torch_is_refused(both: tuple[Translator, Translator], exported: Path) -> None:
    translator = both[1]
    with pytest.raises(SettingsError, match="a picture of attention needs a model with"):
        translator.candidates("We must eat.", attention=True)
    with pytest.raises(SettingsError, match="on the CPU, and not on cuda"):
        Translator.load(exported, "cuda")
    with pytest.raises(SettingsError, match="has no modules of torch"):
        _ = translator.model
    with pytest.raises(SettingsError, match="has no modules of torch"):
        translator.save("somewhere")
    model = Export(exported).load_model()
    shortlist = Shortlist(torch.zeros(1), torch.zeros(1))
    with pytest.raises(SettingsError, match="has no shortlist"):
        Translator(model, translator.source, translator.target, shortlist=shortlist)
