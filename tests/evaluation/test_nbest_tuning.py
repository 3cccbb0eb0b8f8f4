"""Weights for a choice among candidates: sacreBLEU's figures, and nothing better to be found."""

import pytest
import torch
from sacrebleu.metrics import BLEU

from seq2seq.errors import DataError
from seq2seq.evaluation.nbest_tuning import choose, make_table, tune, turning_points

WORDS = ["a", "man", "is", "sitting", "on", "the", "bench", "dog", "."]


def drawn(sentences: int, candidates: int, features: int, seed: int = 1):
    """Random candidates of 4 to 9 words, random features, random references."""
    generator = torch.Generator().manual_seed(seed)

    def text() -> str:
        count = int(torch.randint(4, 10, (1,), generator=generator))
        return " ".join(
            WORDS[index]
            for index in torch.randint(len(WORDS), (count,), generator=generator).tolist()
        )

    texts = [[text() for _ in range(candidates)] for _ in range(sentences)]
    references = [text() for _ in range(sentences)]
    values = torch.randn(sentences, candidates, features, generator=generator).double()
    return texts, values, references


def test_bleu_of_a_choice_is_sacrebleus() -> None:
    texts, features, references = drawn(30, 5, 3)
    table = make_table(texts, features, references)
    for weights in torch.randn(5, 3).double():
        places = choose(features, weights).tolist()
        hypotheses = [row[place] for row, place in zip(texts, places, strict=True)]
        expected = BLEU().corpus_score(hypotheses, [references]).score
        assert table.bleu(weights) == pytest.approx(expected)


def test_several_references_and_case() -> None:
    texts = [["A dog sits .", "a cat sits ."], ["He runs fast .", "She runs fast ."]]
    references = [["a dog sits .", "a hound sits ."], ["she runs fast .", "he walks fast ."]]
    features = torch.tensor([[[1.0], [0.0]], [[0.0], [1.0]]]).double()
    table = make_table(texts, features, references, lowercase=True)
    assert table.bleu(torch.ones(1).double()) == pytest.approx(100)
    cased = make_table(texts, features, references)
    assert cased.bleu(torch.ones(1).double()) < 100


def test_a_place_without_a_candidate_is_never_chosen() -> None:
    features = torch.tensor([[[-5.0, -9.0], [float("-inf"), float("-inf")]]]).double()
    for weights in ([1.0, 0.0], [-1.0, -1.0], [1.0, 5.0]):
        assert choose(features, torch.tensor(weights).double()).tolist() == [0]
    assert turning_points(features, torch.ones(2).double(), 1) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_no_weight_is_better_than_the_one_that_is_found(seed: int) -> None:
    """With two features there is one weight: every choice that it can make is tried."""
    texts, features, references = drawn(8, 4, 2, seed)
    table = make_table(texts, features, references)
    (first, found), best = tune(table, [1.0, 0.0])
    assert first == 1.0
    assert best == table.bleu(torch.tensor([1.0, found]).double())
    grid = torch.linspace(-20, 20, 4001).double()
    assert best >= max(table.bleu(torch.stack([torch.tensor(1.0), w]).double()) for w in grid)


def test_more_features_are_never_worse_than_the_start() -> None:
    texts, features, references = drawn(40, 6, 4)
    table = make_table(texts, features, references)
    start = [1.0, 0.0, 0.5, -0.5]
    weights, best = tune(table, start)
    assert best > table.bleu(torch.tensor(start).double())
    assert best == table.bleu(torch.tensor(weights).double())


def test_what_cannot_be_chosen_from() -> None:
    features = torch.zeros(2, 1, 1).double()
    with pytest.raises(DataError, match="no candidate"):
        make_table([["a"], []], features, ["a", "b"])
    with pytest.raises(DataError, match="2 sentences, but 1 references"):
        make_table([["a"], ["b"]], features, ["a"])


def test_an_empty_reference_beside_others_is_none() -> None:
    texts, features, references = drawn(4, 3, 2)
    gap = [[reference, " ", ""] for reference in references]
    expected = make_table(texts, features, references).statistics
    assert torch.equal(make_table(texts, features, gap).statistics, expected)
