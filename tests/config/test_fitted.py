"""Settings that fit the size of a text: valid whatever the size, monotone, and as they are told."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from operator import truediv
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seq2seq import (
    DataSettings,
    Experiment,
    ModelSettings,
    ParallelCorpus,
    SettingsError,
    TrainingSettings,
)
from seq2seq.config.base import flatten, to_dict
from seq2seq.config.experiment import with_settings
from seq2seq.config.fitted import (
    MOST_EPOCHS,
    WIDTHS,
    TextSize,
    batch_tokens,
    dropout,
    learning_rate,
    network_widths,
    validation_interval,
    validation_size,
    vocabulary_size,
    warmup_steps,
    word_dropout,
)
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
from seq2seq.translation.fitted import processor_speed

FITTED = (
    *("data.vocab_size", "data.validation_size", *WIDTHS, "model.dropout"),
    "model.word_dropout",
    *("training.batch_tokens", "training.learning_rate", "training.warmup_steps"),
    "training.validate_every",
)


def size_of(pairs: int, length: int = 10, characters: int = 80) -> TextSize:
    return TextSize(pairs, min(pairs, 10_000), pairs * length, characters)


def fit(pairs: int, stated: Collection[str] = (), **budget: Any) -> dict[str, Any]:
    return Experiment(training=TrainingSettings(**budget)).fit(size_of(pairs), stated)


sizes = st.builds(
    TextSize,
    pairs=st.integers(1, 10**9),
    sources=st.integers(1, 10**4),
    tokens=st.integers(1, 10**11),
    characters=st.integers(1, 10**5),
)
budgets = st.one_of(
    st.builds(TrainingSettings, minutes=st.floats(1e-3, 1e5)),
    st.builds(TrainingSettings, epochs=st.floats(1e-3, 1e5)),
    st.builds(TrainingSettings, max_steps=st.integers(1, 10**9), minutes=st.floats(1e-3, 1e5)),
)


@given(size=sizes, training=budgets, stated=st.sets(st.sampled_from(FITTED)))
def test_whatever_the_size_it_is_an_experiment(
    size: TextSize, training: TrainingSettings, stated: set[str]
) -> None:
    experiment = Experiment(training=training)
    chosen = experiment.fit(size, stated)
    assert {*chosen} - {"training.epochs"} == {*FITTED} - stated - (
        {*WIDTHS} if stated & {*WIDTHS} else set()
    )
    # `replace` checks all settings; a training has nothing to say against them either.
    fitted = replace(with_settings(experiment, chosen))
    assert not [*fitted.training_problems()]
    now, before = flatten(to_dict(fitted)), flatten(to_dict(experiment))
    assert {name for name in now if now[name] != before[name]} <= {*chosen}


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_more_text_has_no_smaller_vocabulary_batches_and_validation_set(
    one: int, other: int
) -> None:
    less, more = sorted((one, other))
    data = DataSettings()
    assert vocabulary_size(size_of(less), data) <= vocabulary_size(size_of(more), data)
    assert batch_tokens(less, lambda batch: 1e4) <= batch_tokens(more, lambda batch: 1e4)
    assert network_widths(less, 1e4) <= network_widths(more, 1e4)
    assert validation_size(less) <= validation_size(more) <= max(more // 5, 1)


@given(st.floats(0.01, 1e4), st.floats(0.01, 1e4), st.integers(1, 10**7))
def test_more_time_has_more_dropout_longer_warm_up_and_wider_networks(
    one: float, other: float, pairs: int
) -> None:
    less, more = sorted((one, other))
    assert dropout(pairs, less) <= dropout(pairs, more)
    assert dropout(pairs, less) >= dropout(pairs * 2, less)
    assert word_dropout(less) <= word_dropout(more)
    assert network_widths(pairs, less) <= network_widths(pairs, more)
    small, large = (batch_tokens(pairs, partial(truediv, 1e6 * time)) for time in (less, more))
    assert small <= large
    for goes_on in (False, True):
        assert warmup_steps(less, goes_on) <= warmup_steps(more, goes_on) <= max(more / 10, 0)
        assert learning_rate(less, goes_on) >= learning_rate(more, goes_on)


@given(st.integers(1, 10**6), st.one_of(st.none(), st.floats(1e-3, 1e4)))
def test_there_are_some_validations_and_not_too_many(updates: int, minutes: float | None) -> None:
    interval = validation_interval(updates, minutes)
    assert 1 <= interval <= max(updates, 1)
    assert updates < 8 or 3 <= updates // interval <= 41


def test_what_is_stated_stays_and_the_others_follow() -> None:
    usual = fit(5000, minutes=20)
    experiment = Experiment(training=TrainingSettings(minutes=20, batch_tokens=8192))
    found = experiment.fit(size_of(5000), ["training.batch_tokens"])
    assert "training.batch_tokens" not in found
    assert found["training.validate_every"] < usual["training.validate_every"]
    # Widths go together: one that is given leaves the others.
    assert not {*WIDTHS} & fit(5000, ("model.encoder_sizes",), minutes=20).keys()


WORKED: dict[tuple[int, float], tuple[object, ...]] = {
    (2_000, 0.7): (1400, 200, 192, (256,), (384,), 0.29, 0.1, 512, 0.004, 25, 63),
    (2_000, 5): (1400, 200, 192, (256,), (384,), 0.45, 0.1, 512, 0.0038, 179, 358),
    (15_000, 20): (3100, 500, 192, (256,), (384,), 0.39, 0.1, 512, 0.002, 200, 683),
    (50_000, 5): (5300, 500, 256, (256,), (384,), 0.2, 0.0, 1024, 0.004, 101, 203),
    (150_000, 5): (8100, 500, 256, (256,), (384,), 0.11, 0.0, 1024, 0.004, 90, 181),
    (150_000, 60): (8100, 500, 256, (384,), (512,), 0.3, 0.1, 2048, 0.0023, 200, 501),
}
"""Pairs of ten tokens, and minutes, with what `FITTED` names."""
UNUSED: dict[str, tuple[Experiment, set[str]]] = {
    "words": (Experiment(data=DataSettings(tokenizer="word")), {"data.vocab_size"}),
    "validation": (Experiment(data=DataSettings(validation=("v.tsv",))), {"data.validation_size"}),
    "vocabulary": (Experiment(data=DataSettings(vocabulary="runs/a")), {"data.vocab_size"}),
    "vectors": (Experiment(model=ModelSettings(source_vectors="a.vec")), {*WIDTHS}),
    "plain gradients": (
        Experiment(training=TrainingSettings(optimizer="sgd")),
        {"training.learning_rate"},
    ),
    "parent": (
        Experiment(model=ModelSettings(initialize="runs/a")),
        {*WIDTHS, "data.vocab_size"},
    ),
    "parent of another language": (
        Experiment(
            model=ModelSettings(initialize="runs/a"), data=DataSettings(new_vocabulary="target")
        ),
        {*WIDTHS},
    ),
}


@pytest.mark.parametrize("case", UNUSED)
def test_what_something_else_decides_is_left_alone(case: str) -> None:
    experiment, left = UNUSED[case]
    with_budget = replace(experiment, training=replace(experiment.training, minutes=5))
    assert {*FITTED} - with_budget.fit(size_of(5000), ()).keys() == left
    assert experiment.fit(size_of(5000), ()) == {}, "there is no budget"


def test_weights_that_are_good_already_are_changed_more_gently() -> None:
    anew = fit(5000, minutes=5)
    parent = Experiment(
        model=ModelSettings(initialize="runs/a"), training=TrainingSettings(minutes=5)
    )
    goes_on = parent.fit(size_of(5000), ())
    for name in ("training.learning_rate", "training.warmup_steps"):
        assert goes_on[name] < anew[name]


@pytest.mark.parametrize(("pairs", "minutes"), WORKED)
def test_worked_examples(pairs: int, minutes: float) -> None:
    assert fit(pairs, minutes=minutes) == dict(zip(FITTED, WORKED[pairs, minutes], strict=True))


def test_little_text_is_not_learned_by_heart_for_hours() -> None:
    found = fit(500, minutes=60)
    assert found["training.epochs"] == MOST_EPOCHS
    assert found["training.learning_rate"] > fit(15_000, minutes=60)["training.learning_rate"]
    for budget in ("max_steps", "epochs"):
        both: dict[str, Any] = {"minutes": 60, budget: 10**5}
        found = fit(500, (), **both)
        assert "training.epochs" not in found, "who counts steps or epochs means them"
    assert "training.epochs" not in fit(500, ("training.epochs",), minutes=60)


def test_a_short_training_does_not_end_within_its_warm_up() -> None:
    found = fit(3000, minutes=0.7)
    assert found["training.warmup_steps"] < 100
    assert found["training.validate_every"] >= found["training.warmup_steps"]


@given(sizes, st.floats(0.1, 1e4), st.floats(0.1, 10))
def test_a_machine_half_as_quick_has_no_longer_warm_up(
    size: TextSize, minutes: float, speed: float
) -> None:
    def fit_at(speed: float) -> dict[str, Any]:
        # The same network and batches: only the number of updates differs.
        training = TrainingSettings(minutes=minutes, epochs=1e9)
        stated = ("training.epochs", "training.batch_tokens", *WIDTHS)
        return Experiment(training=training).fit(size, stated, speed)

    usual, half = fit_at(speed), fit_at(speed / 2)
    assert usual["training.warmup_steps"] // 2 <= half["training.warmup_steps"]
    updates = half["training.validate_every"] * 20  # at most, in so long a time
    assert usual["training.warmup_steps"] <= max(updates / 10, 1)


@pytest.mark.parametrize(
    ("settings", "speed"),
    [
        (TrainingSettings(threads=1), 0.5),
        (TrainingSettings(threads=2), 1),
        (TrainingSettings(processes=2), 1),
        (TrainingSettings(processes=2, threads=3), 2),
        (TrainingSettings(threads=64), 2),
    ],
)
def test_fewer_threads_make_fewer_updates(settings: TrainingSettings, speed: float) -> None:
    assert processor_speed(settings) == speed


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_every_character_has_room(kind: str) -> None:
    """As Chinese has them: few sentences, and many characters."""
    texts = ["".join(chr(0x4E00 + 7 * n + place) for place in range(9)) for n in range(300)]
    size = TextSize.of(zip(texts, texts, strict=True))
    assert size == TextSize(300, 300, 1200, 2102)
    pieces = vocabulary_size(size, DataSettings(special_symbols=("<a>", "<b>")))
    SentencePieceTokenizer.train(
        texts, kind=kind, vocab_size=pieces, special_symbols=("<a>", "<b>")
    )


def test_a_corpus_is_measured() -> None:
    corpus = ParallelCorpus(["a b c", "a  b c", "d"], ["x", "y", "z z z z z z"])
    assert TextSize.of(corpus, "word") == TextSize(3, 2, 11, 5)
    assert TextSize.of(corpus, "character") == TextSize(3, 2, 16, 5)


def test_an_experiment_for_a_corpus() -> None:
    corpus = ParallelCorpus([f"word {n}" for n in range(2000)], ["ein Wort"] * 2000)
    found = Experiment.fitted(corpus, minutes=20, run="runs/a", model=ModelSettings(cell="gru"))
    size = TextSize.of(corpus)
    given_one = Experiment(
        run="runs/a", model=ModelSettings(cell="gru"), training=TrainingSettings(minutes=20)
    )
    assert found == with_settings(given_one, given_one.fit(size, ["model.cell"]))
    assert found.data.validation_size == 200
    stated = Experiment.fitted(corpus, epochs=3, data=DataSettings(vocab_size=99))
    assert (stated.data.vocab_size, stated.training.epochs) == (99, 3)
    with pytest.raises(SettingsError, match="give minutes, epochs or max_steps"):
        Experiment.fitted(corpus)
