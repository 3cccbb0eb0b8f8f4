"""A language model from Python: known probabilities, made-up text, and what it refuses."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import GenerationSettings
from seq2seq.data.parallel import Corpora
from seq2seq.data.token_stream import TokenStream
from seq2seq.data.tokenizers.pipeline import build_pipeline
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.language_modeling.train import train_language_model
from seq2seq.runs.directory import RunDirectory
from seq2seq.translation.train import train
from tests.support.language import (
    LINES,
    TEXTS,
    describe,
    letter_table,
    network,
    running,
    table,
)

# a -> b (0.5), a (0.25), line's end (0.25); b -> a, surely; after a line's end a or b.
TABLE = {
    "a": {"a": 0.25, "b": 0.5, "\n": 0.25},
    "b": {"a": 1.0},
    "\n": {"a": 0.75, "b": 0.25},
}


@pytest.fixture
def known() -> LanguageModel:
    """A model of running text with the probabilities of `TABLE`."""
    return LanguageModel(*letter_table(TABLE), device="cpu")


@pytest.fixture(params=["word", "character", "bpe"])
def lively(request: pytest.FixtureRequest) -> LanguageModel:
    """A model with weights of no meaning, for each kind of tokens."""
    text = running(request.param)
    return LanguageModel(network(len(text.pipeline.vocab), cell="lstm"), text, device="cpu")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps."""
    experiment = describe(tmp_path_factory.mktemp("runs") / "run", max_steps=20)
    train_language_model(experiment, TEXTS)
    return Path(experiment.run)


# ---------------------------------------------------------------------------------------------
# How probable a text is


def test_a_score_by_hand(known: LanguageModel) -> None:
    score = known.score("aab\na")  # the line's end after b has a billionth
    expected = [math.log(p) for p in (0.75, 0.25, 0.5, 1e-9, 0.75)]
    assert score.tokens == ["a", "a", "b", "<eos>", "a"]
    assert score.token_log_probabilities == pytest.approx(expected, rel=1e-5)
    assert score.log_probability == pytest.approx(sum(expected), rel=1e-5)
    found = known.evaluate("aab\na")
    assert found[1:5] == (5, 3, 5, 0)
    assert known.perplexity("aa") == pytest.approx((0.75 * 0.25) ** -0.5, rel=1e-5)


def test_a_file_is_closed_by_a_line_end(known: LanguageModel) -> None:
    assert known.evaluate_lines(["a", "ba"]).nats == pytest.approx(
        -math.log(0.75 * 0.25 * 0.25 * 1.0 * 0.25), rel=1e-5
    )
    assert known.evaluate("a\nba\n").nats == pytest.approx(known.evaluate_lines(["a", "ba"]).nats)


def test_several_texts_each_begin_anew(known: LanguageModel) -> None:
    both = known.evaluate(["ab", "ba"])
    alone = [known.evaluate(text) for text in ("ab", "ba")]
    assert both.nats == pytest.approx(sum(each.nats for each in alone))
    assert both.tokens == sum(each.tokens for each in alone) == 4


def test_sentences_are_scored_each_by_itself_with_their_ends() -> None:
    text = running(sentences=True)
    model = LanguageModel(network(len(text.pipeline.vocab)), text, device="cpu")
    lines = LINES[:5]
    alone = [model.score(line) for line in lines]
    assert all(score.tokens[-1] == "<eos>" for score in alone)
    total = sum(score.log_probability for score in alone)
    for found in (model.evaluate(lines), model.evaluate("\n".join(lines))):
        assert -found.nats == pytest.approx(total, rel=1e-5)
    assert model.evaluate_lines(lines) == model.evaluate(lines)


def test_scores_sum_to_what_evaluate_finds(lively: LanguageModel) -> None:
    for text in ("the cat sees a dog.", "the cat\n\nsees", "a"):
        score, found = lively.score(text), lively.evaluate(text)
        assert sum(score.token_log_probabilities) == pytest.approx(score.log_probability)
        assert -score.log_probability == pytest.approx(found.nats, rel=1e-6)
        assert len(score.tokens) == len(score.token_log_probabilities) == found.tokens
        assert lively.perplexity(text) == pytest.approx(
            math.exp(-score.log_probability / len(score.tokens)), rel=1e-6
        )


def test_text_is_cleaned_as_the_training_text_was() -> None:
    text = running("character", ["abc d"], letters_only=True)
    model = LanguageModel(network(len(text.pipeline.vocab)), text, device="cpu")
    assert model.score("ab, (2)\nc!").tokens == ["a", "b", "▁", "c"]
    assert model.evaluate_lines(["ab, (2)", "c!"]) == model.evaluate("ab c")
    assert model.generate("ab, (2)\nc!", max_tokens=1).startswith("ab, (2)\nc!"), "as it was given"


@pytest.mark.parametrize("text", ["", []])
def test_where_there_is_nothing_to_predict(known: LanguageModel, text: Any) -> None:
    with pytest.raises(DataError, match="there is no token to predict"):
        known.evaluate(text)
    assert known.score("") == (0, [], [])


# ---------------------------------------------------------------------------------------------
# Made-up text


def test_greedy_text_by_hand(known: LanguageModel) -> None:
    assert known.generate("", max_tokens=5, temperature=0) == "ababa"
    assert known.generate("b\na", max_tokens=3, temperature=0) == "b\nabab"
    assert known.generate("aa", max_tokens=2, top_k=1, seed=5) == "aaba"
    assert known.generate("aa", max_tokens=2, top_p=0.4, seed=5) == "aaba"


def test_draws_are_as_frequent_as_they_are_probable(known: LanguageModel) -> None:
    made = known.generate("a", max_tokens=4000)
    pairs = Counter(pairwise(made))
    for previous, row in TABLE.items():
        total = sum(pairs[previous, each] for each in TABLE)
        assert total > 300
        for following in TABLE:
            share = pairs[previous, following] / total
            assert share == pytest.approx(row.get(following, 0), abs=0.04)
    cold = known.generate("a", max_tokens=2000, temperature=0.5)
    # Squared, 1/4 1/2 1/4 become 1/6 4/6 1/6.
    after = Counter(b for a, b in pairwise(cold) if a == "a")
    assert after["b"] / after.total() == pytest.approx(4 / 6, abs=0.05)


def test_the_seed_decides_and_the_prefix_comes_first(lively: LanguageModel) -> None:
    prefix = "the cat\nsees a"
    made = {seed: lively.generate(prefix, seed=seed, max_tokens=20) for seed in range(4)}
    assert all(text.startswith(prefix) for text in made.values())
    assert len(set(made.values())) > 2
    for seed, text in made.items():
        assert lively.generate(prefix, seed=seed, max_tokens=20) == text
    greedy = {lively.generate(prefix, seed=seed, temperature=0) for seed in range(3)}
    assert len(greedy) == 1


def test_the_stream_joined_is_the_text(lively: LanguageModel) -> None:
    stream = lively.stream("the cat", max_tokens=30, seed=2)
    assert isinstance(stream, Iterator)
    assert next(stream) == "the cat"
    rest = list(stream)
    assert "the cat" + "".join(rest) == lively.generate("the cat", max_tokens=30, seed=2)
    assert len(rest) == 31, "a piece for each token, and what is left"


@pytest.mark.parametrize("kind", ["word", "character", "space", "unigram", "bpe"])
@pytest.mark.parametrize(
    "prefix",
    [
        "Zürich is",
        "the 猫",
        "the cat ",
        "a\n\n  the\tcat\t",
        "  ",
        "E\u0301 ▁␛￭",
        "<unk> <eos> THE",
    ],
)
@pytest.mark.parametrize("form", [{}, {"sentences": True}, {"letters_only": True}])
def test_a_text_begins_with_its_prefix_to_the_last_character(
    kind: str, prefix: str, form: dict[str, bool]
) -> None:
    """Unknown words and white space too; what follows has no unknown token in it."""
    text = running(kind, **form)
    model = LanguageModel(network(len(text.pipeline.vocab)), text, device="cpu")
    for seed in range(3):
        made = model.generate(prefix, max_tokens=9, seed=seed)
        assert made.startswith(prefix)
        assert "⁇" not in made
    assert "".join(model.stream(prefix, max_tokens=9, seed=2)) == made


def test_a_prefix_keeps_its_case_and_its_symbols() -> None:
    data = DataSettings(lowercase=True, special_symbols=("<2FR>",))
    for kind in ("word", "character", "unigram"):
        pipeline = build_pipeline([*LINES, "<2FR> a"], data, kind, 60).pipeline
        model = LanguageModel(network(len(pipeline.vocab)), TokenStream(pipeline, True))
        assert model.generate("<2FR> The CAT", max_tokens=3).startswith("<2FR> The CAT")
        assert model.score("<2FR>").tokens == ["<2FR>", "<eos>"]


def test_after_a_space_a_new_word_begins() -> None:
    text = running("word", ["the cat, a cat, the dog."] * 3)
    probabilities = {"￭,": 0.7, "dog": 0.3}
    rows = [[probabilities.get(token, 1e-9) for token in text.pipeline.vocab]]
    model = LanguageModel(table(rows * len(text.pipeline.vocab)), text, device="cpu")
    assert model.generate("the cat", max_tokens=1, temperature=0) == "the cat,"
    assert model.generate("the cat ", max_tokens=2, temperature=0) == "the cat dog,"


def test_characters_are_counted_with_the_white_space_that_is_kept() -> None:
    lines = ["\tif a:", "\t    b  "]
    built = build_pipeline(lines, DataSettings(), "character", 60, keep_white_space=True)
    text = TokenStream(built.pipeline, sentences=False)
    model = LanguageModel(network(len(built.pipeline.vocab)), text, device="cpu")
    found = model.evaluate_lines(lines)
    assert found.characters == found.tokens == sum(len(line) + 1 for line in lines)


def test_special_tokens_are_never_made_up(lively: LanguageModel) -> None:
    vocab = lively.text.pipeline.vocab
    made = lively.generate("", max_tokens=300, temperature=5.0)
    assert "⁇" not in made
    assert not any(name in made for name in ("<pad>", "<unk>", "<bos>"))
    assert len(vocab) > 10


def test_a_sentence_ends_where_the_model_ends_it_and_running_text_goes_on() -> None:
    model, text = letter_table({"a": {"\n": 1.0}, "\n": {"a": 1.0}})
    assert LanguageModel(model, text, device="cpu").generate("a", max_tokens=4) == "a\na\na"
    alone = LanguageModel(model, text._replace(sentences=True), device="cpu")
    assert alone.generate("a", max_tokens=4) == "a"


def test_settings_of_a_run_hold_where_a_call_says_nothing() -> None:
    model, text = letter_table(TABLE)
    settings = GenerationSettings(prefix="ba", max_tokens=3, temperature=0.0)
    given = LanguageModel(model, text, settings, device="cpu")
    assert given.generate() == "babab"
    assert given.generate("a") == "abab"
    assert given.generate("", max_tokens=1) == "a"
    assert given.settings == settings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temprature": 1.0}, "unknown generation setting temprature: did you mean temperature"),
        ({"max_tokens": 0}, "--generation.max-tokens 0 must be at least 1"),
        ({"top_p": 0.0}, r"--generation.top-p 0.0 is not in \(0, 1\]"),
        ({"temperature": -1.0}, "--generation.temperature -1.0 must be at least 0"),
        ({"top_k": 1.5}, "--generation.top-k 1.5 is not int"),
        ({"seed": "one"}, "--generation.seed 'one' is not int"),
    ],
)
def test_impossible_settings_are_named(
    known: LanguageModel, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        known.generate("a", **changes)


# ---------------------------------------------------------------------------------------------
# A run


@pytest.mark.slow
def test_a_run_moves_and_is_what_was_trained(run: Path, tmp_path: Path) -> None:
    model = LanguageModel.load(run, "cpu")
    assert model.settings.max_tokens == 5
    moved = tmp_path / "moved"
    moved.symlink_to(run)
    other = LanguageModel.load(str(moved), "cpu")
    text = "\n".join(TEXTS.validation)
    assert other.evaluate(text) == model.evaluate(text)
    # Twenty steps have taught it something: fewer bits than all words alike.
    assert model.perplexity(text) < len(model.text.pipeline.vocab)


def test_what_is_no_language_model_is_named(
    experiment: Callable[..., Experiment], letters: Corpora, tmp_path: Path
) -> None:
    translation = experiment(max_steps=1)
    train(translation, letters)
    with pytest.raises(RunError, match="is a translation model, and a language model is needed"):
        LanguageModel.load(translation.run)
    with pytest.raises(RunError, match="there is no run at"):
        LanguageModel.load(tmp_path / "nothing")
    copy = describe(tmp_path / "copy", max_steps=1)
    train_language_model(copy, TEXTS)
    RunDirectory(copy.run).best.write_bytes(b"damaged")
    with pytest.raises(RunError, match=r"best\.safetensors is damaged"):
        LanguageModel.load(copy.run)
