"""From text to text with a trained model: every line in its place, whatever comes."""

import math
import random
import shutil
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.parallel import Corpora
from seq2seq.data.readers.lines import read_lines
from seq2seq.decoding.hypothesis import length_penalty
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.models.translation import build_translation_model
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.run import Run
from seq2seq.translation.engine import LongSentenceWarning
from seq2seq.translation.ensemble import EnsembleMember
from seq2seq.translation.results import PairScore, Translation, replace_unknown
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator
from tests.support.tampering import reseal

ODD = [
    "",
    " ",
    "\t\u00a0\u3000",
    "\u200b",  # not white space: a character that the model does not know
    "We must write a story.",
    "We must\u2028write a\u0085story.",
    "We must\rwrite a\x0cstory.",
    "<eos>",
    "<pad> <bos> <unk> <eos>",
    "We must <eos> write a story. <pad>",
    "🦜🦜🏽\u200d👩\u200d👧",
    "We must write a 🦜.",
    "دعنا نكتب قصة",
    "word\x00word \x1b[31m",
    "▁We▁must",
    "a" * 3000,
    "?!…" * 40,
    "e\u0301" * 9,
]


@pytest.fixture(scope="module")
def translator(trained: Path) -> Translator:
    return Translator.load(trained, "cpu")


@pytest.fixture(scope="module")
def sentences(sample: Path) -> list[str]:
    """The test part of the corpus, every line of its own length."""
    return read_lines(sample / "test.en")


@pytest.fixture(scope="module")
def translations(translator: Translator, sentences: list[str]) -> list[str]:
    return translator.translate(sentences)


def test_it_translates(translations: list[str], sample: Path) -> None:
    references = read_lines(sample / "test.fr")
    words = [
        len(set(translation.split()) & set(reference.split())) / len(reference.split())
        for translation, reference in zip(translations, references, strict=True)
    ]
    assert sum(words) / len(words) > 0.3
    assert len(set(translations)) > 100


def test_string_in_string_out_and_list_in_list_out(translator: Translator) -> None:
    text = "We must write a story."
    found = translator.translate(text)
    assert isinstance(found, str)
    assert translator.translate([text]) == [found]
    assert translator.translate((text, "", text)) == [found, "", found]
    assert translator.translate([]) == []
    assert translator.translate("") == ""
    assert list(translator.translate_lines(iter([text, " ", text]))) == [found, "", found]


@pytest.mark.parametrize("settings", [{"batch_size": 1}, {"batch_size": 7}, {"batch_size": 1000}])
def test_batches_change_nothing(
    translator: Translator, sentences: list[str], translations: list[str], settings: dict[str, int]
) -> None:
    assert translator.translate(sentences, **settings) == translations


def test_order_changes_nothing(
    translator: Translator, sentences: list[str], translations: list[str]
) -> None:
    pairs = list(zip(sentences, translations, strict=True))
    random.Random(1).shuffle(pairs)
    assert translator.translate([source for source, _ in pairs]) == [text for _, text in pairs]


@pytest.mark.parametrize("beam_size", [1, 3])
def test_candidates_and_streams_change_nothing(
    translator: Translator, sentences: list[str], beam_size: int
) -> None:
    some = [*sentences[:60], "", *sentences[60:90]]
    together = translator.translate(some, beam_size=beam_size)
    streamed = translator.translate_lines(iter(some), beam_size=beam_size, batch_size=4)
    assert list(streamed) == together
    for source, translation in zip(some, together, strict=True):
        candidates = translator.candidates(source, n=beam_size, beam_size=beam_size)
        assert candidates[0].text == translation
    assert translator.candidates(some[0], 1, beam_size=5)[0].text == translator.translate(some[0])


def test_a_stream_is_answered_while_it_runs(translator: Translator) -> None:
    taken: list[str] = []

    def lines():
        for line in ["We must write a story.", "", "My sister is going to leave tomorrow."]:
            taken.append(line)
            yield line

    stream = translator.translate_lines(lines(), batch_size=1)
    for count in range(1, 4):
        next(stream)
        assert len(taken) == count


def test_candidates_come_best_first_with_their_scores(
    translator: Translator, sentences: list[str]
) -> None:
    for alpha in (0.0, 1.0):
        for sentence in sentences[:10]:
            found = translator.candidates(sentence, n=4, length_penalty=alpha)
            assert 1 <= len(found) <= 4
            assert all(isinstance(candidate, Translation) for candidate in found)
            scores = [candidate.score for candidate in found]
            assert scores == sorted(scores, reverse=True)
            assert len({tuple(candidate.tokens) for candidate in found}) == len(found)
            for candidate in found:
                penalty = length_penalty(len(candidate.tokens) + 1, alpha)
                assert candidate.score == pytest.approx(candidate.log_probability / penalty)
                assert candidate.log_probability < 0
                assert candidate.text == translator.target.tokenizer.detokenize(candidate.tokens)
                assert "<" not in candidate.text
    assert translator.candidates("  ", n=3) == [Translation("", [], 0.0, 0.0, [])]


def test_odd_text_shifts_no_line(translator: Translator, sentences: list[str]) -> None:
    plain = sentences[: len(ODD) + 1]
    mixed = [plain[0]]
    for odd, sentence in zip(ODD, plain[1:], strict=True):
        mixed += [odd, sentence]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LongSentenceWarning)
        found = translator.translate(mixed)
    assert len(found) == len(mixed)
    assert found[::2] == translator.translate(plain)
    assert found[1:7:2] == [""] * 3
    assert all(text.strip() for text in found[7::2])
    for text in found:
        assert len(text.splitlines()) <= 1
        assert "<" not in text, "no special token comes out"


def test_a_line_too_long_is_cut_with_a_warning(translator: Translator) -> None:
    words = ["story"] * 10_000
    with pytest.warns(LongSentenceWarning, match=r"sentence 2 has 10,000 tokens; the first 40"):
        long = translator.translate(["", " ".join(words)], max_source_length=40, beam_size=1)
    assert long == ["", translator.translate(" ".join(words[:40]), beam_size=1)]
    lines = ["a cat"] * 20 + [" ".join(words)] + ["a dog"]
    with pytest.warns(LongSentenceWarning, match="sentence 21 has"):
        found = list(translator.translate_lines(lines, max_source_length=9, batch_size=1))
    assert len(found) == 22


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beam_sise": 3}, r"unknown decoding setting beam_sise: did you mean beam_size\?"),
        ({"beam_size": 0}, "beam-size 0 must be at least 1"),
        ({"beam_size": "5"}, "beam-size '5' is not int"),
        ({"beam_size": 0, "batch_size": -1}, "(?s)beam-size 0.*batch-size -1"),
        ({"length_penalty": float("nan")}, "length-penalty nan"),
        ({"method": "mbr", "coverage_penalty": 0.1}, "coverage-penalty 0.1 has no effect"),
        ({"method": "diverse-beam", "groups": 2}, "beam-size 5 can't be divided"),
    ],
)
def test_impossible_settings_are_named(
    translator: Translator, settings: dict[str, object], message: str
) -> None:
    for call in (translator.translate, translator.candidates):
        with pytest.raises(SettingsError, match=message):
            call("We must write a story.", **settings)
    with pytest.raises(SettingsError, match=message):
        list(translator.translate_lines(["We must write a story."], **settings))


def test_less_than_one_candidate_is_a_mistake(translator: Translator) -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        translator.candidates("We must write a story.", n=0)


def test_a_run_loads_from_wherever_it_lies(
    trained: Path, tmp_path: Path, translator: Translator, sentences: list[str]
) -> None:
    moved = tmp_path / "another name"
    shutil.copytree(trained, moved)
    (moved / "last.safetensors").unlink()  # only needed to continue the training
    (moved / "metrics.jsonl").unlink()
    there = Translator.load(str(moved), "cpu")
    assert there.translate(sentences[:20]) == translator.translate(sentences[:20])


@pytest.mark.parametrize(
    "name",
    [
        *("experiment.json", "best.safetensors"),
        *("source.tokenizer", "target.tokenizer", "source.vocab.json", "target.vocab.json"),
    ],
)
def test_a_damaged_run_is_refused(trained: Path, tmp_path: Path, name: str) -> None:
    run = tmp_path / "run"
    for data in (b"", b"{}", b"\x80\x04garbage\xff", (trained / name).read_bytes()[:-20]):
        shutil.copytree(trained, run)
        (run / name).write_bytes(data)
        with pytest.raises(RunError, match=name.replace(".", r"\.")):
            Translator.load(run, "cpu")
        shutil.rmtree(run)
    shutil.copytree(trained, run)
    (run / name).unlink()
    (run / "last.safetensors").unlink()
    with pytest.raises(RunError, match=name.replace(".", r"\.")):
        Translator.load(run, "cpu")


def test_weights_of_another_vocabulary_are_refused(trained: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    directory = RunDirectory(run)
    source, target = directory.vocab("source").read_bytes(), directory.vocab("target").read_bytes()
    directory.vocab("source").write_bytes(target)
    directory.vocab("target").write_bytes(source)
    with pytest.raises(
        RunError, match=r"source\.vocab\.json is damaged, or belongs to another run"
    ):
        Translator.load(run, "cpu")
    reseal(run)
    with pytest.raises(RunError, match=r"best\.safetensors.*the experiment says"):
        Translator.load(run, "cpu")


METHODS = [
    {"method": "diverse-beam", "beam_size": 4, "groups": 2},
    {"method": "sample", "top_p": 0.9},
    {"method": "mbr", "samples": 5},
    {"method": "mbr", "samples": 5, "utility": "bleu"},
    {"no_repeat_ngram": 2, "min_length": 3, "max_length": 7},
]


@pytest.mark.parametrize("settings", METHODS, ids=str)
def test_no_method_depends_on_the_batch(
    translator: Translator, sentences: list[str], settings: dict[str, object]
) -> None:
    some = [*sentences[:10], "", *sentences[10:14]]
    together = translator.translate(some, **settings)
    assert len(together) == len(some)
    assert together[10] == ""
    assert translator.translate(some[::-1], batch_size=3, **settings) == together[::-1]
    assert [translator.translate(sentence, **settings) for sentence in some] == together
    candidates = translator.candidates(some[0], n=3, **settings)
    assert 1 <= len(candidates) <= 3
    scores = [candidate.score for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    assert candidates[0].source_tokens == translator.source.tokenizer.tokenize(some[0])
    assert candidates[0].attention is None


def test_candidates_of_mbr_are_different_texts(translator: Translator) -> None:
    found = translator.candidates("We must write a story.", n=4, method="mbr", temperature=1.5)
    assert len({candidate.text for candidate in found}) == len(found) == 4
    assert all(0 <= candidate.score <= 100 for candidate in found)


def test_a_prefix_begins_the_translation(translator: Translator, sentences: list[str]) -> None:
    some = sentences[:12]
    free = translator.translate(some)
    # The beginning of what comes anyway changes nothing; another one does.
    words = [text.split()[0] for text in free]
    for settings in ({"beam_size": 1}, {"beam_size": 5}):
        once = translator.translate(some, **settings)
        firsts = [text.split()[0] for text in once]
        begun = translator.translate(some, prefix=firsts, **settings)
        if settings["beam_size"] == 1:
            assert begun == once
        assert all(text.startswith(first) for text, first in zip(begun, firsts, strict=True))
    others = words[::-1]
    begun = translator.translate(some, prefix=others)
    assert all(text.startswith(word) for text, word in zip(begun, others, strict=True))
    alone = [
        translator.translate(text, prefix=word) for text, word in zip(some, others, strict=True)
    ]
    assert alone == begun
    assert translator.translate(some, prefix=[""] * len(some)) == free
    for candidate in translator.candidates(some[0], n=3, prefix="Nous"):
        assert candidate.tokens[0] == "Nous"
    unknown = translator.translate(some[0], prefix="Xylophones 🦜")
    assert unknown.startswith("Xylophones 🦜")
    assert translator.translate("", prefix="Nous") == ""
    with pytest.raises(DataError, match="12 sentences, but 1 prefixes"):
        translator.translate(some, prefix=["Nous"])


def test_scores_are_those_of_the_search(translator: Translator, sentences: list[str]) -> None:
    some = sentences[:15]
    found = [translator.candidates(sentence, n=2)[1] for sentence in some]
    scores = translator.score(some, [candidate.text for candidate in found])
    for candidate, score in zip(found, scores, strict=True):
        assert score.tokens == [*candidate.tokens, "<eos>"]
        assert score.log_probability == pytest.approx(candidate.log_probability, abs=1e-4)
        assert score.log_probability == pytest.approx(sum(score.token_log_probabilities))
        assert score.per_token == pytest.approx(score.log_probability / len(score.tokens))
        assert len(score.token_log_probabilities) == len(score.tokens)
    one = translator.score(some[0], found[0].text)
    assert isinstance(one, PairScore)
    assert one.tokens == scores[0].tokens
    assert one.log_probability == pytest.approx(scores[0].log_probability, abs=1e-4)
    assert translator.score([], []) == []


def test_scores_of_empty_and_unknown_text(translator: Translator) -> None:
    both, target, source, unknown = translator.score(
        ["", "We must eat.", " ", "We must eat."], [" ", "", "Nous", "Nous xylophonons"]
    )
    assert both == PairScore(0.0, 0.0, [], [])
    assert target.tokens == ["<eos>"]
    assert target.log_probability < -1
    assert source.tokens == ["Nous", "<eos>"]
    assert unknown.tokens == ["Nous", "<unk>", "<eos>"]
    assert all(math.isfinite(score.log_probability) for score in (source, unknown))


@pytest.mark.parametrize(("sources", "targets"), [(["a"], ["b", "c"]), ("a", ["b"]), (["a"], "b")])
def test_a_score_needs_as_many_targets_as_sources(
    translator: Translator, sources: object, targets: object
) -> None:
    with pytest.raises(DataError):
        translator.score(sources, targets)


def test_a_long_source_is_cut_for_a_score_too(translator: Translator) -> None:
    translator = Translator(
        translator.model,
        translator.source,
        translator.target,
        replace(translator.settings, max_source_length=4),
        "cpu",
    )
    with pytest.warns(LongSentenceWarning, match="sentence 2 has 6 tokens"):
        found = translator.score(["story", "story " * 6], ["l'histoire"] * 2)
    alone = translator.score("story " * 4, "l'histoire")
    assert found[1].tokens == alone.tokens
    assert found[1].token_log_probabilities == pytest.approx(alone.token_log_probabilities, 1e-5)


def test_an_ensemble_of_a_run_with_itself_is_the_run(
    trained: Path, translator: Translator, sentences: list[str]
) -> None:
    ensemble = Translator.load(trained, "cpu", ensemble=[trained, trained])
    assert len(ensemble.members) == 3
    assert ensemble.translate(sentences[:20]) == translator.translate(sentences[:20])
    one = Translator.load(trained, "cpu", ensemble=trained)
    assert len(one.members) == 2
    mine = ensemble.score(sentences[0], "Nous")
    assert mine.log_probability == pytest.approx(
        translator.score(sentences[0], "Nous").log_probability, abs=1e-4
    )


def test_an_ensemble_with_another_model_has_the_mean_probability(
    trained: Path, translator: Translator
) -> None:
    experiment = Run(trained).experiment(Experiment)
    source, target = translator.source, translator.target
    other = build_translation_model(len(source.vocab), len(target.vocab), experiment.model)
    second = Translator(other, source, target, translator.settings, "cpu")
    both = Translator(
        translator.model,
        source,
        target,
        translator.settings,
        "cpu",
        others=[EnsembleMember(other, source)],
    )
    pair = ("We must eat.", "Nous devons manger.")
    found, *each = (
        translator.score(*pair).token_log_probabilities for translator in (both, translator, second)
    )
    for together, *parts in zip(found, *each, strict=True):
        mean = sum(math.exp(part) for part in parts) / 2
        assert together == pytest.approx(math.log(mean), abs=1e-4)


def test_an_ensemble_needs_one_target_vocabulary(trained: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    path = RunDirectory(other).vocab("target")
    path.write_text(path.read_text().replace('"Nous"', '"Noux"', 1))
    reseal(other)
    with pytest.raises(SettingsError, match=r"trained and .*other.* target vocabularies differ"):
        Translator.load(trained, "cpu", ensemble=[other])


def test_a_run_of_other_text_with_the_same_vocabularies_joins_an_ensemble(
    trained: Path, tmp_path: Path, letters: Corpora
) -> None:
    described = Run(trained).experiment(Experiment)
    other = replace(
        described,
        run=str(tmp_path / "other"),
        data=DataSettings(tokenizer="word", min_frequency=2, vocabulary=str(trained)),
        training=replace(described.training, max_steps=1),
    )
    train(other, letters)
    assert len(Translator.load(trained, "cpu", ensemble=other.run).members) == 2
    for side in ("source", "target"):
        files = [RunDirectory(run).vocab(side) for run in (trained, other.run)]
        assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("name", ["coverage_penalty", "replace_unknown", "attention"])
def test_what_needs_attention_is_refused_without_it(translator: Translator, name: str) -> None:
    value = {"coverage_penalty": 0.2}.get(name, True)
    with pytest.raises(
        SettingsError, match=f"{name} needs a model with attention: .*--model.attention"
    ):
        translator.candidates("We must eat.", **{name: value})
    ensemble = Translator(
        translator.model,
        translator.source,
        translator.target,
        others=translator.members,
    )
    with pytest.raises(SettingsError, match="every run of the ensemble must be"):
        ensemble.candidates("We must eat.", **{name: value})


def test_an_unknown_word_is_replaced_by_the_one_that_attention_was_on() -> None:
    attention = np.array(
        [
            [0.1, 0.2, 0.6, 0.1],
            [0.3, 0.2, 0.1, 0.4],  # most on eos, which is no word
            [0.0, 0.9, 0.1, 0.0],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
    tokens = ["<unk>", "<unk>", "dort"]
    one_each = [["Lena"], ["sleeps"], ["Kiel"]]
    found, rows = replace_unknown(tokens, one_each, attention)
    assert found == ["Kiel", "Lena", "dort"]
    assert np.array_equal(rows, attention)
    found, rows = replace_unknown(tokens, [["L", "e"], ["sleeps"], []], attention)
    assert found == ["L", "e", "dort"]
    assert np.array_equal(rows, attention[[1, 1, 2, 3]])


def test_a_stream_of_groups_is_answered_group_by_group(
    translator: Translator, sentences: list[str]
) -> None:
    asked: list[int] = []

    def arriving() -> Iterator[list[str]]:
        for number, group in enumerate((sentences[:1], [], sentences[1:4], sentences[4:5])):
            asked.append(number)
            yield group

    found = translator.candidate_lines(arriving(), 1)
    for line in sentences[:5]:
        given, (best,) = next(found)
        assert given == line
        assert best.text == translator.translate(line)
        assert asked[-1] == [0, 2, 2, 2, 3][sentences.index(line)]
    assert next(found, None) is None


def test_lines_have_prefixes_of_their_own(translator: Translator, sentences: list[str]) -> None:
    prefixes = ["Nous", "", "Elle a"]
    expected = translator.translate(sentences[:3], prefix=prefixes)
    found = translator.candidate_lines(iter(sentences[:3]), 1, prefixes=iter(prefixes))
    assert [best.text for _, (best,) in found] == expected
    with pytest.raises(DataError, match="there is no prefix for line 4"):
        list(translator.candidate_lines(sentences[:4], 1, prefixes=prefixes))
    with pytest.raises(DataError, match="2 lines, but 3 prefixes"):
        list(translator.candidate_lines(sentences[:2], 1, prefixes=prefixes))
    with pytest.raises(DataError, match="number 3 is 7"):
        list(translator.candidate_lines([sentences[:2], [7]], 1))
