"""From text to text with a trained model: every line in its place, whatever comes."""

import random
import shutil
import warnings
from pathlib import Path

import pytest

from seq2seq.decoding.steps import length_penalty
from seq2seq.errors import RunError, SettingsError
from seq2seq.text.files import read_lines
from seq2seq.training.run_directory import RunDirectory
from seq2seq.translator import LongSentenceWarning, Translation, Translator

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
    assert translator.candidates("  ", n=3) == [Translation("", [], 0.0, 0.0)]


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
    with pytest.raises(RunError, match=r"best\.safetensors.*the experiment says"):
        Translator.load(run, "cpu")
