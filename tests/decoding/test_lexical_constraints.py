"""Phrases that a hypothesis must contain: against enumeration, and by hand."""

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.beam_search import beam_search
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.decoding.interface import Scoring
from seq2seq.decoding.lexical_constraints import Candidate, Phrases, allocate
from seq2seq.decoding.search import search
from seq2seq.models.ngram.model import NGramModel
from seq2seq.models.translation import TranslationModel
from tests.support.tables import WORDS, Table, TableState, scored, sentences_up_to

SEEDS = st.integers(0, 10**6)
PHRASE = st.lists(st.sampled_from(WORDS), min_size=1, max_size=2)
PHRASES = st.lists(PHRASE, max_size=2)


def goes_on(left: int, right: int) -> bool:
    """6 goes on with the word before it."""
    return right == 6


def occurrences(phrase: Sequence[int], tokens: Sequence[int], same_word: Callable) -> int:
    """How often a phrase stands in a sentence as whole words, one after the other."""
    count = first = 0
    while first + len(phrase) <= len(tokens):
        end = first + len(phrase)
        whole = not (first and same_word(tokens[first - 1], tokens[first])) and not (
            end < len(tokens) and same_word(tokens[end - 1], tokens[end])
        )
        if [*tokens[first:end]] == [*phrase] and whole:
            count, first = count + 1, end
        else:
            first += 1
    return count


def contains(tokens: Sequence[int], phrases: list[list[int]], same_word: Callable) -> bool:
    """Whether all phrases are there: as often as given, beside those that are parts of others."""
    return all(
        occurrences(phrase, tokens, same_word)
        >= sum(occurrences(phrase, other, same_word) for other in phrases)
        for phrase in phrases
    )


def never(left: int, right: int) -> bool:
    return False


def beam(
    table: Table,
    caps: Sequence[int],
    phrases: Sequence[list[list[int]]],
    size: int,
    alpha: float = 0.0,
    state: TableState | None = None,
    same_word: Callable = never,
    **options: object,
) -> list[list[Hypothesis]]:
    return beam_search(
        table.step,
        state or table.start(),
        Constraints(torch.tensor(caps), **options),
        Scoring(alpha),
        beam_size=size,
        phrases=[Phrases(each, same_word) for each in phrases],
    )


@settings(max_examples=25)
@given(SEEDS, st.lists(PHRASES, min_size=1, max_size=3), st.sampled_from([0.0, 1.0]), st.booleans())
def test_a_beam_as_wide_as_the_tree_finds_the_best_sentences_with_all_phrases(
    seed: int, phrases: list[list[list[int]]], alpha: float, words: bool
) -> None:
    table = Table.random(seed, len(phrases))
    same_word = goes_on if words else never
    found = beam(table, [4] * len(phrases), phrases, 400, alpha, same_word=same_word)
    for sentence, (hypotheses, wanted) in enumerate(zip(found, phrases, strict=True)):
        every = [
            scored(tokens, table.forced(sentence, tokens), alpha)
            for tokens in sentences_up_to(4, WORDS)
            if contains(tokens, wanted, same_word)
        ]
        complete = [hypothesis for hypothesis in hypotheses if not hypothesis.unmet]
        assert complete == sorted(every, key=lambda hypothesis: -hypothesis.score)
        assert hypotheses[: len(complete)] == complete


@settings(max_examples=40)
@given(SEEDS, st.lists(PHRASES, min_size=1, max_size=4), st.integers(5, 8))
def test_every_hypothesis_has_all_phrases_however_improbable(
    seed: int, phrases: list[list[list[int]]], size: int
) -> None:
    table = Table.random(seed, len(phrases), spread=6.0)
    for sentence, hypotheses in enumerate(beam(table, [9] * len(phrases), phrases, size, 1.0)):
        wanted = phrases[sentence]
        assert contains(hypotheses[0].tokens, wanted, never)
        for hypothesis in hypotheses:
            assert (hypothesis.unmet == 0) == contains(hypothesis.tokens, wanted, never)
            assert not hypothesis.unmet or len(hypothesis.tokens) == 9
            forced = table.forced(sentence, hypothesis.tokens)
            expected = scored(hypothesis.tokens, forced, 1.0)
            assert hypothesis._replace(unmet=0) == expected


@settings(max_examples=30)
@given(SEEDS, st.lists(PHRASES, min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_a_sentence_does_not_depend_on_the_others(
    seed: int, phrases: list[list[list[int]]], random: Random
) -> None:
    table = Table.random(seed, len(phrases))
    caps = [random.randint(2, 7) for _ in phrases]
    together = beam(table, caps, phrases, 6, 0.6)
    for row, (cap, wanted) in enumerate(zip(caps, phrases, strict=True)):
        assert beam(table, [cap], [wanted], 6, 0.6, table.start([row])) == [together[row]]


def test_without_phrases_it_is_beam_search() -> None:
    table = Table.random(1, 30)
    constraints = Constraints(torch.tensor([6] * 30))
    plain = beam_search(table.step, table.start(), constraints, Scoring(1.0), beam_size=4)
    assert beam(table, [6] * 30, [[]] * 30, 4, 1.0) == plain


def test_what_does_not_fit_is_told_and_comes_last() -> None:
    table = Table.random(4, 1)
    (hypotheses,) = beam(table, [3], [[[4, 4], [5, 5]]], 6)
    assert {hypothesis.unmet for hypothesis in hypotheses} >= {2}
    assert all(len(hypothesis.tokens) == 3 for hypothesis in hypotheses)
    (hypotheses,) = beam(table, [4], [[[4, 4], [5, 5]]], 6)
    assert sorted(hypotheses[0].tokens) == [4, 4, 5, 5]
    assert [hypothesis.unmet for hypothesis in hypotheses] == sorted(h.unmet for h in hypotheses)


def test_a_prefix_may_begin_a_phrase_and_goes_before_it() -> None:
    table = Table.random(5, 1)
    found = beam(table, [4], [[[4, 5]]], 6, prefixes=[[6, 4]])
    assert found[0][0].tokens[:2] == [6, 4]
    assert contains(found[0][0].tokens, [[4, 5]], never)


def test_phrases_are_begun_interrupted_and_met() -> None:
    phrases = Phrases([[4, 4, 5], [5], [6, 4]])

    def met(*tokens: int) -> int:
        return phrases.met(phrases.read(tokens))

    assert phrases.size == 3 + 2 * 1 + 2  # 5 is a part of the first, and comes beside it
    assert [met(4), met(4, 4), met(4, 4, 4), met(4, 4, 4, 5)] == [1, 2, 2, 4]
    assert [met(4, 4, 6), met(4, 4, 6, 5), met(4, 6)] == [1, 1, 1]
    assert phrases.next_tokens(phrases.read((4, 4))) == {5, 6}
    assert phrases.next_tokens(phrases.read((4, 4, 5, 6))) == {4, 5}
    assert [phrases.unmet(tokens) for tokens in ([], [5, 6, 4], [6, 4, 4, 5, 5])] == [7, 4, 0]


def test_a_phrase_counts_as_a_whole_word() -> None:
    phrases = Phrases([[4, 5]], goes_on)
    read = [phrases.met(phrases.read(tokens)) for tokens in ((4, 5), (4, 5, 6), (4, 5, 6, 4))]
    assert read == [2, 0, 1]


def test_the_beam_is_divided_among_the_banks() -> None:
    """Three tokens to meet, a beam of 5: 5 // 4 for each bank, and what is left to others."""

    def bank(met: int, count: int) -> list[Candidate]:
        return [Candidate(met, number, -number) for number in range(count)]

    def shares(width: int, *counts: int) -> list[int]:
        banks = {met: bank(met, count) for met, count in enumerate(counts) if count}
        taken = Counter(candidate.row for candidate in allocate(banks, width))
        return [taken[met] for met in range(len(counts))]

    assert shares(8, 9, 9, 9, 9) == [2, 2, 2, 2]
    assert shares(5, 9, 9, 9, 9) == [1, 1, 1, 2]
    assert shares(5, 9, 1, 0, 0) == [4, 1, 0, 0]
    assert shares(8, 9, 0, 1, 9) == [3, 0, 1, 4]
    assert shares(8, 1, 0, 1, 0) == [1, 0, 1, 0]


def test_a_worked_example() -> None:
    """Greedily "4 4 …"; with 6 demanded, it comes where it costs least: before the end."""
    probabilities = torch.full((1, 7, 7, 7), 1e-3)
    probabilities[..., 4] = 0.5
    probabilities[..., EOS_ID] = 0.2
    probabilities[:, :, 4, 6] = 0.1  # after 4
    probabilities[:, :, 6, EOS_ID] = 0.7
    table = Table(probabilities.log())
    (best, *_), *_ = beam(table, [4], [[[6]]], 4)
    assert best.tokens == [4, 6]
    assert best.log_probability == pytest.approx(torch.tensor(0.5 * 0.1 * 0.7).log().item())
    (best, *_), *_ = beam(table, [4], [[]], 4)
    assert best.tokens == []


CPU = torch.device("cpu")
SOURCES = [[4, 5, 6], [10], [7, 8, 4, 9, 10, 4], [5, 5], [9], [6, 7, 8, 9]]
WANTED = [[[7]], [[4, 5], [6]], [], [[12, 11]], [[8], [8]], [[5, 6, 7]]]


@pytest.mark.parametrize(("members", "weight"), [(1, 0.0), (2, 0.0), (1, 0.5)])
def test_a_model_an_ensemble_and_shallow_fusion_find_them_in_every_batch(
    tiny_model: Callable[..., TranslationModel], members: int, weight: float
) -> None:
    language = NGramModel.estimate([[4, 5, 6, 7], [8, 9, 4], [12, 11, 10]], 3, 13, "add-k", 1.0)
    models = [tiny_model(attention="scaled-general").double() for _ in range(members)]
    phrases = [Phrases(each) for each in WANTED]

    def found(chosen: list[int], batch_size: int) -> list[list[Hypothesis]]:
        decoding = DecodingSettings(beam_size=5, batch_size=batch_size)
        return search(
            models,
            [[SOURCES[row] for row in chosen]] * members,
            decoding,
            CPU,
            language_model=language,
            language_model_weight=weight,
            phrases=[phrases[row] for row in chosen],
        )

    together = found([0, 1, 2, 3, 4, 5], 256)
    for wanted, hypotheses in zip(WANTED, together, strict=True):
        assert contains(hypotheses[0].tokens, wanted, never)
    backwards = found([5, 4, 3, 2, 1, 0], 2)[::-1]
    for mine, theirs in zip(together, backwards, strict=True):
        assert [h.tokens for h in mine] == [h.tokens for h in theirs]
