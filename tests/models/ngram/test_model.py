"""n-gram models: textbook numbers, the formulas written out, and steps that equal scoring."""

import json
import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from seq2seq.data.vocabulary import BOS_ID, EOS_ID, PAD_ID, UNK_ID, Vocab
from seq2seq.decoding.beam_search import beam_search
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.interface import select_rows
from seq2seq.decoding.scoring import token_log_probabilities
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.evaluation.perplexity import row_log_probabilities
from seq2seq.models.ngram.model import NGramModel
from seq2seq.models.ngram.tables import Table, save_tables
from seq2seq.runs.tensors import save_tensors
from tests.support.ngram_formulas import Text

# Jurafsky & Martin, Speech and Language Processing, chapter 3.
SAM = ["I am Sam", "Sam I am", "I do not like green eggs and ham"]
VOCAB = Vocab.build(line.split() for line in SAM)
SAM_IDS = [VOCAB.ids(line.split()) for line in SAM]
OUTCOMES = len(VOCAB) - 2  # ten words, unk and eos

SIZE = 8
SENTENCES = st.lists(st.lists(st.sampled_from([UNK_ID, 4, 5, 6]), max_size=6), min_size=1)
HISTORIES = st.lists(st.sampled_from([UNK_ID, 4, 5, 6, 7]), max_size=6)
ORDERS = st.integers(1, 4)


def sam(order: int = 2, **options: Any) -> NGramModel:
    return NGramModel.estimate(SAM_IDS, order, len(VOCAB), **options)


def after(model: NGramModel, *history: int) -> torch.Tensor:
    """The next token's log-probabilities, (vocab_size,)."""
    state = model.start(1)
    for token in (BOS_ID, *history):
        log_probs, state = model.step(torch.tensor([token]), state)
    return log_probs[0]


def probability(model: NGramModel, token: str, *history: str) -> float:
    """Of a token at the beginning of a sentence, or after some tokens."""
    return float(after(model, *VOCAB.ids(history))[VOCAB[token]].exp())


@pytest.mark.parametrize(
    ("token", "history", "seen", "context"),
    [
        ("I", [], 2, 3),
        ("Sam", [], 1, 3),
        ("am", ["I"], 2, 3),
        ("<eos>", ["Sam"], 1, 2),
        ("Sam", ["am"], 1, 2),
        ("do", ["I"], 1, 3),
        ("ham", ["I"], 0, 3),
        ("<unk>", ["I"], 0, 3),
        ("I", ["<unk>"], 0, 0),
    ],
)
def test_add_k_bigrams_of_the_textbook(
    token: str, history: list[str], seen: int, context: int
) -> None:
    for k in (1e-9, 0.05, 1.0):
        found = probability(sam(smoothing="add-k", k=k), token, *history)
        assert found == pytest.approx((seen + k) / (context + k * OUTCOMES), rel=1e-5)


def test_kneser_ney_bigrams_by_hand() -> None:
    """Of the tokens, 8 follow one other, 2 follow two, and 1 three: D = 2/3, 1 and 3.

    Of the bigrams, none was seen three times, so that D = 1/2 and 1.
    """
    model = sam()
    unseen = 31 / 45 / 12
    assert probability(model, "I") == pytest.approx(1 / 3 + (1 / 15 + unseen) / 2, rel=1e-5)
    assert probability(model, "am", "I") == pytest.approx(1 / 3 + (1 / 45 + unseen) / 2, rel=1e-5)
    assert probability(model, "<eos>", "Sam") == pytest.approx(1 / 4 + unseen / 2, rel=1e-5)
    assert probability(model, "<unk>", "I") == pytest.approx(unseen / 2, rel=1e-5)
    assert probability(model, "Sam", "<unk>") == pytest.approx(1 / 15 + unseen, rel=1e-5)


def test_unigrams_are_of_the_text_itself() -> None:
    model = sam(order=1, smoothing="add-k", k=0.5)
    assert probability(model, "I", "Sam") == pytest.approx(3.5 / (17 + 0.5 * OUTCOMES), rel=1e-5)
    # n1 = 7, n2 = 2 (am, Sam), n3 = 2 (I, eos), n4 = 0.
    one, two, more = 1 - 2 * 7 / 11 * 2 / 7, 2 - 3 * 7 / 11, 3.0
    unseen = (7 * one + 2 * two + 2 * more) / 17 / OUTCOMES
    assert probability(sam(order=1), "am") == pytest.approx((2 - two) / 17 + unseen, rel=1e-5)
    assert probability(sam(order=1), "<unk>") == pytest.approx(unseen, rel=1e-5)


@settings(max_examples=40)
@given(sentences=SENTENCES, order=st.integers(1, 6), k=st.sampled_from([None, 0.01]))
def test_a_saved_model_sums_to_1_after_every_context_of_the_text(
    tmp_path_factory: pytest.TempPathFactory,
    sentences: list[list[int]],
    order: int,
    k: float | None,
) -> None:
    """Orders that no sentence reaches, too: all they lack is n-grams of these lengths."""
    path = tmp_path_factory.mktemp("models") / "model"
    smoothing = "kneser-ney" if k is None else "add-k"
    NGramModel.estimate(sentences, order, SIZE, smoothing, k).save(path)
    model = NGramModel.load(path)
    assert model.order == order
    longest = max(map(len, sentences)) + 2
    assert [size > 0 for size in model.sizes] == [size <= longest for size in model.lengths]
    rows = [[BOS_ID, *ids, EOS_ID] for ids in [*sentences, [7, 4]]]
    for row, found in zip(
        rows, row_log_probabilities(model, rows, torch.device("cpu")), strict=True
    ):
        assert all(-math.inf < value <= 0 for value in found)
        for length in range(len(row) - 1):
            total = after(model, *row[1 : 1 + length]).double().exp().sum()
            assert float(total) == pytest.approx(1, abs=1e-6)


@settings(max_examples=60)
@given(sentences=SENTENCES, order=ORDERS, history=HISTORIES, k=st.sampled_from([None, 0.1, 2.0]))
def test_every_distribution_is_the_formula_and_sums_to_1(
    sentences: list[list[int]], order: int, history: list[int], k: float | None
) -> None:
    smoothing = "kneser-ney" if k is None else "add-k"
    model = NGramModel.estimate(sentences, order, SIZE, smoothing, k)
    log_probs = after(model, *history)
    assert log_probs.dtype == torch.float32
    assert log_probs[[PAD_ID, BOS_ID]].tolist() == [-math.inf, -math.inf]
    assert float(log_probs.double().exp().sum()) == pytest.approx(1, abs=1e-6)
    text = Text(sentences, order, SIZE)
    for token in [UNK_ID, *range(EOS_ID, SIZE)]:
        expected = text.kneser_ney(token, history) if k is None else text.add_k(token, history, k)
        assert float(log_probs[token]) == pytest.approx(math.log(expected), abs=1e-5)


@example(sentences=[[]], order=3, others=[[4]])  # no trigram at all
@given(sentences=SENTENCES, order=ORDERS, others=st.lists(HISTORIES, max_size=5))
def test_scoring_equals_stepping(
    sentences: list[list[int]], order: int, others: list[list[int]]
) -> None:
    model = NGramModel.estimate(sentences, order, SIZE)
    scored = [*sentences, *others]
    rows = [[BOS_ID, *ids, EOS_ID] for ids in scored]
    found = row_log_probabilities(model, rows, torch.device("cpu"))
    stepped = token_log_probabilities(
        model.step, model.start(len(scored)), scored, torch.device("cpu")
    )
    assert [len(row) for row in found] == [len(ids) + 1 for ids in scored]
    for row, expected in zip(found, stepped, strict=True):
        assert row == pytest.approx(expected, abs=1e-5)


@given(
    sentences=SENTENCES,
    order=ORDERS,
    rows=st.lists(
        st.lists(st.sampled_from([UNK_ID, BOS_ID, EOS_ID, 4, 5, 6, 7]), min_size=5, max_size=5),
        min_size=1,
        max_size=3,
    ),
    cut=st.integers(0, 4),
)
def test_a_batch_in_pieces_equals_its_steps(
    sentences: list[list[int]], order: int, rows: list[list[int]], cut: int
) -> None:
    model = NGramModel.estimate(sentences, order, SIZE)
    ids = torch.tensor(rows)
    inputs, targets = ids[:, :-1], ids[:, 1:]
    state, pieces = model.start(len(rows)), []
    for piece in (slice(0, cut), slice(cut, 4)):
        found, state = model.log_probabilities(inputs[:, piece], targets[:, piece], state)
        pieces.append(found)
    found = torch.cat(pieces, dim=1)
    stepped = model.start(len(rows))
    for place in range(4):
        log_probs, stepped = model.step(inputs[:, place], stepped)
        expected = log_probs.gather(1, targets[:, place : place + 1])[:, 0]
        torch.testing.assert_close(found[:, place], expected, atol=1e-5, rtol=0)
    assert torch.equal(state.ids, stepped.ids)


def test_a_state_is_a_value_whose_rows_can_be_chosen() -> None:
    model = sam(order=3)
    first = model.start(2)
    _, second = model.step(torch.tensor([BOS_ID, BOS_ID]), first)
    _, third = model.step(torch.tensor(VOCAB.ids(["I", "Sam"])), second)
    assert first.ids.tolist() == [[PAD_ID, PAD_ID]] * 2
    assert third.ids.tolist() == [[BOS_ID, VOCAB["I"]], [BOS_ID, VOCAB["Sam"]]]
    tokens = torch.tensor(VOCAB.ids(["I", "am", "am"]))
    log_probs, _ = model.step(tokens, select_rows(third, torch.tensor([1, 0, 0])))
    torch.testing.assert_close(log_probs[0], after(model, *VOCAB.ids(["Sam", "I"])))
    torch.testing.assert_close(log_probs[2], after(model, *VOCAB.ids(["I", "am"])))
    assert torch.equal(log_probs[1], log_probs[2])


def test_pads_after_a_sentence_change_nothing_and_have_no_context() -> None:
    model = sam(order=3)
    torch.testing.assert_close(after(model, EOS_ID, PAD_ID, PAD_ID), model.level(1).log_probs)


def test_beam_search_finds_what_is_most_probable() -> None:
    model = sam(order=3)
    (found,) = beam_search(model.step, model.start(1), Constraints(torch.tensor([8])), beam_size=3)
    assert VOCAB.tokens(found[0].tokens) == ["I", "am", "Sam"]
    (scores,) = row_log_probabilities(
        model, [[BOS_ID, *found[0].tokens, EOS_ID]], torch.device("cpu")
    )
    assert found[0].log_probability == pytest.approx(sum(scores), abs=1e-5)


def test_ngrams_are_those_of_the_text() -> None:
    model = sam(order=2)
    found = {tuple(VOCAB.tokens(row)) for row in model.ngrams(2).tolist()}
    expected = set()
    for line in SAM:
        tokens = ["<bos>", *line.split(), "<eos>"]
        expected |= set(pairwise(tokens))
    assert found == expected
    assert model.ngrams(1).flatten().tolist() == list(range(len(VOCAB)))


def test_a_small_text_has_fixed_discounts() -> None:
    """As KenLM's --discount_fallback. Three tokens follow one other each, eos two: none three."""
    model = NGramModel.estimate([[4, 5], [6]], 2, SIZE)
    lower = (1 - 0.5) / 5 + (3 * 0.5 + 1.0) / 5 / (SIZE - 2)
    assert float(after(model, 4)[5].exp()) == pytest.approx((1 - 0.5) + 0.5 * lower, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"order": 0}, "order 0"),
        ({"vocab_size": 3}, "vocab_size 3"),
        ({"smoothing": "kneser-nay"}, "did you mean kneser-ney"),
        ({"smoothing": "add-k"}, "add-k needs a finite k above 0"),
        ({"smoothing": "add-k", "k": 0.0}, "above 0, got 0.0"),
        ({"smoothing": "add-k", "k": math.inf}, "got inf"),
        ({"smoothing": "add-k", "k": math.nan}, "got nan"),
        ({"k": 1.0}, "no effect with smoothing kneser-ney"),
    ],
)
def test_impossible_settings(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError, match=problem):
        NGramModel.estimate(SAM_IDS, **{"order": 2, "vocab_size": len(VOCAB), **options})


@pytest.mark.parametrize("wrong", [PAD_ID, BOS_ID, EOS_ID, -1, SIZE])
def test_an_id_that_cannot_stand_in_a_sentence_is_named(wrong: int) -> None:
    with pytest.raises(DataError, match=rf"sentence 3, token 3: id {wrong} can't"):
        NGramModel.estimate([[4], [], [4, 5, wrong, 6], [wrong]], 2, SIZE)


def test_no_text_is_an_error_and_empty_lines_are_not() -> None:
    with pytest.raises(DataError, match="no sentences"):
        NGramModel.estimate([], 2, SIZE)
    model = NGramModel.estimate([[], []], 5, SIZE)
    assert float(after(model).exp().sum()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("options", [{}, {"smoothing": "add-k", "k": 0.5}, {"order": 12}])
def test_what_is_saved_is_loaded(tmp_path: Path, options: dict[str, Any]) -> None:
    model = sam(**{"order": 3, **options})
    for name in ("a", "b"):
        model.save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2
    found = NGramModel.load(tmp_path / "a")
    assert (found.order, found.vocab_size) == (model.order, model.vocab_size)
    for length in model.lengths:
        for one, other in zip(model.level(length).table, found.level(length).table, strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:100],
        lambda data: bytes(range(256)) * 9,
        lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "model"
    sam().save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=f"{path.name} is damaged"):
        NGramModel.load(path)


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="missing is missing"):
        NGramModel.load(tmp_path / "missing")
    with pytest.raises(RunError, match="could not be written"):
        sam().save(tmp_path / "missing" / "model")
    save_file({"weights": torch.zeros(3)}, tmp_path / "other")
    with pytest.raises(RunError, match="seq2seq did not write it"):
        NGramModel.load(tmp_path / "other")
    save_tensors(tmp_path / "weights", {"weights": torch.zeros(3)}, None)
    with pytest.raises(RunError, match='lacks "format"'):
        NGramModel.load(tmp_path / "weights")
    save_file({}, tmp_path / "list", metadata={"seq2seq": json.dumps([1])})
    with pytest.raises(RunError, match="list is damaged"):
        NGramModel.load(tmp_path / "list")


def change(table: Table, name: str, place: int, value: float) -> Table:
    values = getattr(table, name).clone()
    values[place] = value
    return table._replace(**{name: values})


@pytest.mark.parametrize(
    ("length", "wrong", "problem"),
    [
        (2, lambda t: t._replace(keys=t.keys.flip(0)), "2-grams: the keys are not in order"),
        (2, lambda t: change(t, "keys", 0, -1), "2-grams: a key is out of range"),
        (2, lambda t: change(t, "keys", -1, 10**9), "2-grams: a key is out of range"),
        (2, lambda t: change(t, "keys", 0, BOS_ID), "2-grams: pad and bos can't be predicted"),
        (1, lambda t: change(t, "log_probs", PAD_ID, -1.0), "1-grams: pad and bos can't"),
        (1, lambda t: change(t, "keys", -1, 99), "1-grams: a key is out of range"),
        (2, lambda t: change(t, "log_probs", 3, 0.1), "2-grams: a number is not"),
        (2, lambda t: change(t, "log_probs", 3, math.nan), "2-grams: a number is not"),
        (1, lambda t: change(t, "backoffs", 3, math.inf), "1-grams: a number is not"),
        (2, lambda t: t._replace(backoffs=t.backoffs[1:]), "2-grams: there must be as many"),
        (2, lambda t: t._replace(keys=t.keys.int()), "2-grams: the numbers are not"),
        (2, lambda t: t._replace(keys=t.keys.unsqueeze(1)), "2-grams: the numbers are not"),
        (1, lambda t: Table(*(values[:3] for values in t)), "without the special tokens"),
    ],
)
def test_tables_that_fit_no_model_are_refused(
    tmp_path: Path, length: int, wrong: Callable[[Table], Table], problem: str
) -> None:
    model = sam()
    tables = [model.level(each).table for each in model.lengths]
    tables[length - 1] = wrong(tables[length - 1])
    with pytest.raises(DataError, match=problem):
        NGramModel(tables)
    save_tables(tmp_path / "model", tables)
    with pytest.raises(RunError, match=problem):
        NGramModel.load(tmp_path / "model")
