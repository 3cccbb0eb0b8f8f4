"""A language model's word in each step, on tables against enumeration, and with real models."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.language_model import LanguageModelSettings
from seq2seq.data.vocabulary import BOS_ID, EOS_ID, UNK_ID
from seq2seq.decoding.beam_search import beam_search
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.ensemble import Ensemble, EnsembleState
from seq2seq.decoding.greedy import greedy_search
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.interface import Scoring
from seq2seq.decoding.mbr import Utility
from seq2seq.decoding.sampling import sample_key, sample_search
from seq2seq.decoding.search import score, search
from seq2seq.decoding.shallow_fusion import LOG_PROB_FLOOR, FusionState, ShallowFusion
from seq2seq.models.language_model import LanguageNetwork, build_language_model
from seq2seq.models.ngram.model import NGramModel
from seq2seq.models.translation import TranslationModel
from tests.support.tables import WORDS, Table, TableState, scored, sentences_up_to

CPU = torch.device("cpu")
SEEDS = st.integers(0, 10**6)
WEIGHTS = st.sampled_from([0.1, 0.5, 1.0, 3.0])
CAPS = st.lists(st.integers(0, 3), min_size=1, max_size=4)


class Speech(NamedTuple):
    """A language model without a network: the table of one sentence, whatever is translated."""

    table: Table

    @classmethod
    def random(cls, seed: int) -> "Speech":
        return cls(Table.random(seed, 1))

    def start(self, batch_size: int) -> TableState:
        return self.table.start([0] * batch_size)

    def step(self, tokens: Tensor, state: TableState) -> tuple[Tensor, TableState]:
        return self.table.step(tokens, state)


def fuse(tables: Sequence[Table], speech: Speech, weight: float) -> ShallowFusion:
    return ShallowFusion(Ensemble(tables), speech, weight)


def started(tables: Sequence[Table], speech: Speech) -> FusionState:
    """The state before bos, with a row for each sentence of the tables."""
    states = tuple(table.start() for table in tables)
    return FusionState(EnsembleState(states), speech.start(len(tables[0].log_probs)))


def found(
    table: Table, speech: Speech, weight: float, caps: Sequence[int], size: int, alpha: float = 0.0
) -> list[list[Hypothesis]]:
    """What beam search finds."""
    state = started([table], speech)
    fusion = fuse([table], speech, weight)
    return beam_search(
        fusion.step, state, Constraints(torch.tensor(caps)), Scoring(alpha), beam_size=size
    )


def assert_same(found: Sequence[Hypothesis], expected: Sequence[Hypothesis]) -> None:
    """The same sentences with the same scores, to rounding."""
    assert [each.tokens for each in found] == [each.tokens for each in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.log_probability == pytest.approx(other.log_probability, abs=1e-4)
        assert one.score == pytest.approx(other.score, abs=1e-4)


@settings(max_examples=40)
@given(seed=SEEDS, caps=CAPS, weight=WEIGHTS, alpha=st.sampled_from([0.0, 1.0]))
def test_a_beam_as_wide_as_the_tree_finds_the_best_of_all(
    seed: int, caps: list[int], weight: float, alpha: float
) -> None:
    table, speech = Table.random(seed, len(caps)), Speech.random(seed + 1)
    every = 40  # 3 words: 1 + 3 + 9 + 27 sentences
    results = found(table, speech, weight, caps, every, alpha)
    for sentence, (hypotheses, cap) in enumerate(zip(results, caps, strict=True)):
        expected = [
            scored(
                tokens,
                table.forced(sentence, tokens) + weight * speech.table.forced(0, tokens),
                alpha,
            )
            for tokens in sentences_up_to(cap, WORDS)
        ]
        expected.sort(key=lambda hypothesis: -hypothesis.score)
        assert_same(hypotheses, expected)


@given(seed=SEEDS, caps=CAPS, weight=WEIGHTS, size=st.integers(1, 4))
def test_it_is_the_table_of_weighted_sums(
    seed: int, caps: list[int], weight: float, size: int
) -> None:
    table, speech = Table.random(seed, len(caps)), Speech.random(seed + 1)
    sums = Table(table.log_probs + weight * speech.table.log_probs)
    constraints = Constraints(torch.tensor(caps))
    expected = beam_search(sums.step, sums.start(), constraints, beam_size=size)
    for mine, theirs in zip(found(table, speech, weight, caps, size), expected, strict=True):
        assert_same(mine, theirs)
    state = started([table], speech)
    greedy = greedy_search(fuse([table], speech, weight).step, state, constraints)
    assert_same(greedy, greedy_search(sums.step, sums.start(), constraints))


def test_what_it_finds_is_neither_s_first_choice() -> None:
    """The translation model wants 4, the language model 5; together they say 6."""
    table, speech = (
        Table(torch.full((1, 7, 7, 7), 1e-6).log()),
        Speech(Table(torch.full((1, 7, 7, 7), 1e-6).log())),
    )
    for model, first in ((table, 4), (speech.table, 5)):
        model.log_probs[..., EOS_ID] = 0.0
        model.log_probs[:, BOS_ID, BOS_ID, :] = torch.tensor([1e-6] * 7).log()
        model.log_probs[:, BOS_ID, BOS_ID, first] = torch.tensor(0.6).log()
        model.log_probs[:, BOS_ID, BOS_ID, 6] = torch.tensor(0.4).log()
    for weight, token in ((0.01, 4), (1.0, 6), (50.0, 5)):
        ((best, *_),) = found(table, speech, weight, [1], 1)
        assert best.tokens == [token]


@given(seed=SEEDS, caps=CAPS, size=st.integers(1, 4))
def test_without_weight_it_says_nothing(seed: int, caps: list[int], size: int) -> None:
    table, speech = Table.random(seed, len(caps)), Speech.random(seed + 1)
    speech.table.log_probs[..., 5] = -torch.inf  # nothing times infinity is nothing
    expected = beam_search(
        table.step, table.start(), Constraints(torch.tensor(caps)), beam_size=size
    )
    assert found(table, speech, 0.0, caps, size) == expected


def test_what_the_language_model_holds_impossible_costs_much_and_is_a_number() -> None:
    table, speech = Table.random(3, 2), Speech.random(4)
    for token in (UNK_ID, 5):
        speech.table.log_probs[..., token] = -torch.inf
    state = started([table], speech)
    log_probs, _ = fuse([table], speech, 0.5).step(torch.tensor([BOS_ID] * 2), state)
    assert log_probs.isfinite().all()
    assert (log_probs[:, [UNK_ID, 5]] < 0.5 * LOG_PROB_FLOOR).all()
    for hypothesis in (each for row in found(table, speech, 0.5, [3, 3], 4) for each in row):
        assert 5 not in hypothesis.tokens
    # A prefix that it holds impossible has a score all the same.
    constraints = Constraints(torch.tensor([3, 3]), prefixes=[[UNK_ID, 5], []])
    fusion = fuse([table], speech, 0.5)
    forced, free = beam_search(fusion.step, state, constraints, Scoring(1.0), beam_size=3)
    assert len(forced) == 3
    for hypothesis in forced:
        assert hypothesis.tokens[:2] == [UNK_ID, 5]
        assert LOG_PROB_FLOOR * 1.5 < hypothesis.log_probability < LOG_PROB_FLOOR
        assert hypothesis.score == pytest.approx(
            hypothesis.log_probability / ((6 + len(hypothesis.tokens)) / 6), abs=1e-4
        )
    assert all(hypothesis.log_probability > LOG_PROB_FLOOR / 2 for hypothesis in free)


def test_with_an_ensemble() -> None:
    tables = [Table.random(seed, 3) for seed in (1, 2)]
    speech = Speech.random(3)
    caps = [3, 0, 2]
    mean = Table(torch.stack([table.log_probs.exp() for table in tables]).mean(0).log())
    state = started(tables, speech)
    fusion = fuse(tables, speech, 0.5)
    results = beam_search(fusion.step, state, Constraints(torch.tensor(caps)), beam_size=40)
    for sentence, (hypotheses, cap) in enumerate(zip(results, caps, strict=True)):
        expected = [
            scored(
                tokens, mean.forced(sentence, tokens) + 0.5 * speech.table.forced(0, tokens), 0.0
            )
            for tokens in sentences_up_to(cap, WORDS)
        ]
        expected.sort(key=lambda hypothesis: -hypothesis.score)
        assert_same(hypotheses, expected)


def test_attention_is_the_translation_model_s() -> None:
    lengths = (3, 2)
    table, speech = Table.random(1, 2, source_lengths=lengths), Speech.random(2)
    scoring = Scoring(attention=True, source_lengths=lengths)
    state = started([table], speech)
    fusion = fuse([table], speech, 0.5)
    results = beam_search(
        fusion.step, state, Constraints(torch.tensor([3, 3])), scoring, beam_size=3
    )
    for sentence, hypotheses in enumerate(results):
        for hypothesis in hypotheses:
            assert hypothesis.attention is not None
            expected = table.attended(sentence, hypothesis.tokens, lengths[sentence])
            assert hypothesis.attention.tolist() == expected
    _, without = fusion.step(torch.tensor([BOS_ID]), started([Table.random(1, 1)], speech))
    assert without.attention_weights is not None
    plain = Table.random(1, 1)
    assert started([plain], speech).attention_weights is None


def test_samples_are_drawn_from_the_weighted_sums() -> None:
    table, speech = Table.random(5, 2), Speech.random(6)
    sums = Table(table.log_probs + 0.7 * speech.table.log_probs)
    keys = [[sample_key(1, [row], number) for number in range(20)] for row in range(2)]
    constraints = Constraints(torch.tensor([4, 4]))
    state = started([table], speech)
    drawn = sample_search(fuse([table], speech, 0.7).step, state, constraints, keys=keys)
    expected = sample_search(sums.step, sums.start(), constraints, keys=keys)
    for mine, theirs in zip(drawn, expected, strict=True):
        assert_same(mine, theirs)


SOURCES = [[4, 5, 6], [10], [7, 8, 4, 9], [], [5, 5]]
OTHERS = [[6, 5], [10, 10, 9], [4], [5], []]


@pytest.fixture(params=["recurrent", "n-gram"])
def language(request: pytest.FixtureRequest) -> LanguageNetwork | NGramModel:
    """A language model of 13 tokens, as `tiny_model` has."""
    if request.param == "n-gram":
        return NGramModel.estimate([[4, 5, 6, 7], [8, 9, 4], [12, 11, 10]], 3, 13, "add-k", 1.0)
    small = LanguageModelSettings(embedding_size=5, sizes=(6,), dropout=0.0)
    network = build_language_model(13, small)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.5 * torch.randn(weight.shape)
        network.decoder.output.bias.zero_()
    return network.eval()


@torch.no_grad()
def likelihood(language: LanguageNetwork | NGramModel, tokens: list[int]) -> float:
    """Of a sentence, all at once."""
    ids = torch.tensor([[BOS_ID, *tokens, EOS_ID]])
    values, _ = language.log_probabilities(ids[:, :-1], ids[:, 1:], language.start(1))
    return float(values.double().sum())


@pytest.fixture
def sharp(tiny_model: Callable[..., TranslationModel]) -> Callable[..., TranslationModel]:
    """`tiny_model`, less flat, so that sentences differ and end at different lengths."""

    def build(**settings: object) -> TranslationModel:
        torch.manual_seed(1)  # whichever language model was made before
        model = tiny_model(encoder_sizes=(9,), decoder_sizes=(9,), context="both", **settings)
        with torch.no_grad():
            for weight in model.parameters():
                weight *= 3
            model.decoder.output.bias.zero_()
        return model

    return build


METHODS = [
    {"beam_size": 1},
    {"beam_size": 3},
    {"method": "diverse-beam", "beam_size": 4, "groups": 2},
    {"method": "sample", "beam_size": 1},
    {"method": "mbr", "samples": 5},
]


@pytest.mark.slow
@pytest.mark.parametrize("options", METHODS, ids=str)
@pytest.mark.parametrize("together", [False, True])
def test_real_models(
    sharp: Callable[..., TranslationModel],
    language: LanguageNetwork | NGramModel,
    options: dict[str, object],
    together: bool,
) -> None:
    """Each score is what the models say of the sentence; a batch changes nothing."""
    chosen = DecodingSettings(**{"max_length_ratio": 1.5, "max_length_extra": 3, **options})
    utility = Utility(lambda ids: " ".join(map(str, ids)), lambda one, other: len(one) / 99)
    first = sharp()
    members = [first, sharp(cell="lstm")] if together else [first]
    lists = [SOURCES, OTHERS] if together else [SOURCES]
    fusion = {"language_model": language, "language_model_weight": 0.3}

    def run(sources: Sequence[Sequence[list[int]]]) -> list[list[Hypothesis]]:
        return search(members, sources, chosen, CPU, n=2, utility=utility, **fusion)

    results = run(lists)
    assert len({str(row[0].tokens) for row in results}) > 2
    for place, row in enumerate(results):
        rows = [[each[place]] for each in lists]
        (alone,) = run(rows)
        assert [h.tokens for h in alone] == [h.tokens for h in row]
        for hypothesis in row:
            (values,) = score(members, rows, [hypothesis.tokens], CPU)
            expected = sum(values) + 0.3 * likelihood(language, hypothesis.tokens)
            assert hypothesis.log_probability == pytest.approx(expected, abs=1e-4)
            (values,) = score(members, rows, [hypothesis.tokens], CPU, **fusion)
            assert hypothesis.log_probability == pytest.approx(sum(values), abs=1e-4)
