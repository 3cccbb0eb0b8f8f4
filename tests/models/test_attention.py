"""Attention: every kind equals its formula, written out for one query and one sentence."""

import math
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
import torch

from seq2seq.config.model import ModelSettings
from seq2seq.models.attention.local import LocalAttention
from seq2seq.models.attention.multi_head import MultiHeadAttention
from seq2seq.models.attention.registry import ATTENTIONS, build_attention
from seq2seq.models.attention.scores import DotAttention, GeneralAttention
from seq2seq.models.encoder import EncoderOutput
from seq2seq.models.rnn import StackState

LENGTHS = torch.tensor([5, 2, 1, 4])
HEADS, WINDOW = 2, 3

every_kind = pytest.mark.parametrize("kind", ATTENTIONS)
with_and_without_coverage = pytest.mark.parametrize("coverage", [False, True])


def values(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64)


def make(kind: str, coverage: bool = False) -> Any:
    """Attention with random weights, in float64; sizes differ where the kind allows."""
    settings = ModelSettings(
        attention=kind,
        attention_size=8,
        attention_heads=HEADS,
        attention_window=WINDOW,
        coverage=coverage,
    )
    try:
        attention = build_attention(settings, 6, 4)
    except ValueError:  # it learns nothing, and compares a query with the memory as it is
        attention = build_attention(settings, 6, 6)
    assert attention is not None
    with torch.no_grad():
        for weight in attention.double().parameters():
            weight.copy_(values(*weight.shape))
    return attention


def encoded(attention: Any, lengths: torch.Tensor = LENGTHS) -> EncoderOutput:
    """Random outputs of an encoder, zero on pads; longer than the longest row."""
    memory = values(len(lengths), int(lengths.max()) + 1, attention.output_size)
    pads = torch.arange(memory.shape[1]) >= lengths.unsqueeze(1)
    memory = memory.masked_fill(pads.unsqueeze(-1), 0.0)
    return EncoderOutput(memory, lengths, StackState(()), memory)


def key_weights(attention: Any) -> list[torch.Tensor]:
    """The weights that keys are computed with; none where the memory is its own key."""
    keys, weights = attention.prepare(encoded(attention)).keys, [*attention.parameters()]
    if not keys.requires_grad:
        return []
    gradients = torch.autograd.grad(keys.sum(), weights, allow_unused=True)
    return [weight for weight, each in zip(weights, gradients, strict=True) if each is not None]


def normalized(scores: Any) -> Any:
    return np.exp(scores) / np.exp(scores).sum()


def by_hand(kind: str, weights: dict[str, Any], q: Any, memory: Any, covered: Any) -> Any:
    """What one query finds in one sentence without pads, and how it weighs the tokens."""

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    def extra(s: int) -> Any:
        return 0.0 if covered is None else covered[s] * weights["cover"]

    scores, count = [], len(memory)
    if kind == "multi-head":
        keys = [weights["key.weight"] @ memory[s] + extra(s) for s in range(count)]
        parts = [weights["value.weight"] @ m + weights["value.bias"] for m in memory]
        query = weights["query.weight"] @ q + weights["query.bias"]
        size = len(query) // HEADS
        found, shares = [], []
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            share = normalized(np.array([query[part] @ k[part] / math.sqrt(size) for k in keys]))
            found.append(sum(share[s] * parts[s][part] for s in range(count)))
            shares.append(share)
        attended = weights["output.weight"] @ np.concatenate(found) + weights["output.bias"]
        return attended, sum(shares) / HEADS
    for s, m in enumerate(memory):
        if kind == "additive":
            query = weights["query.weight"] @ q + weights["query.bias"]
            key = np.tanh(query + weights["key.weight"] @ m + extra(s))
            score = weights["score.weight"][0] @ key
        else:
            key = (m if kind.endswith("dot") else weights["key.weight"] @ m) + extra(s)
            score = q @ key
        scores.append(score / math.sqrt(len(key)) if kind.startswith("scaled-") else score)
    if kind == "local":
        place = weights["place.2.weight"][0] @ np.tanh(weights["place.0.weight"] @ q)
        p = count * sigmoid(place)
        gaussian = [math.exp(-((s - p) ** 2) / (2 * (WINDOW / 2) ** 2)) for s in range(count)]
        products = np.exp(scores) * np.array(gaussian)
        shares = products / products.sum()
    else:
        shares = normalized(np.array(scores))
    return sum(shares[s] * memory[s] for s in range(count)), shares


@every_kind
@with_and_without_coverage
def test_a_query_finds_what_the_formula_says(kind: str, coverage: bool) -> None:
    attention = make(kind, coverage)
    given = encoded(attention)
    queries, covered = values(4, 3, 6), values(4, 6).abs() if coverage else None
    attended, weights = attention(queries, attention.prepare(given), covered)
    assert attended.shape == (4, 3, attention.output_size)
    assert weights.shape == (4, 3, 6)
    named = {name: weight.detach().numpy() for name, weight in attention.named_parameters()}
    for row, length in enumerate(LENGTHS.tolist()):
        for position in range(3):
            wanted, shares = by_hand(
                kind,
                named,
                queries[row, position].numpy(),
                given.memory[row, :length].numpy(),
                None if covered is None else covered[row].numpy(),
            )
            got = attended[row, position].detach().numpy()
            np.testing.assert_allclose(got, wanted, rtol=1e-10)
            got = weights[row, position].detach().numpy()
            np.testing.assert_allclose(got[:length], shares, rtol=1e-10)


@every_kind
@with_and_without_coverage
def test_weights_sum_to_one_and_pads_count_for_nothing(kind: str, coverage: bool) -> None:
    attention = make(kind, coverage)
    given = encoded(attention)
    queries, covered = values(4, 3, 6), values(4, 6).abs() if coverage else None
    clean = attention(queries, attention.prepare(given), covered)
    pads = torch.arange(6) >= LENGTHS.unsqueeze(1)
    torch.testing.assert_close(clean[1].sum(-1), torch.ones(4, 3, dtype=torch.float64))
    assert (clean[1] >= 0).all()
    assert torch.equal(clean[1].any(dim=1), ~pads)
    garbage = given.memory.masked_fill(pads.unsqueeze(-1), 1e9)
    dirty = attention(queries, attention.prepare(given._replace(memory=garbage)), covered)
    torch.testing.assert_close(dirty, clean, rtol=0, atol=0)


@every_kind
def test_keys_are_computed_once_for_a_sentence(kind: str) -> None:
    attention = make(kind)
    given, queries = encoded(attention), values(4, 3, 6)
    memory = attention.prepare(given)
    before = attention(queries, memory)
    if not key_weights(attention):
        pytest.skip("keys are the memory as it is")
    for weight in key_weights(attention):
        torch.nn.init.zeros_(weight)
    torch.testing.assert_close(attention(queries, memory), before)
    assert not torch.allclose(attention(queries, attention.prepare(given))[1], before[1])


@every_kind
def test_where_all_scores_are_equal_the_mean_is_found(kind: str) -> None:
    attention = make(kind)
    given = encoded(attention)
    queries = values(4, 2, 6)
    for weight in key_weights(attention) or [queries]:
        torch.nn.init.zeros_(weight)
    if kind == "local":
        attention.window = 10**9  # its Gaussian is flat
    attended, weights = attention(queries, attention.prepare(given))
    for row, length in enumerate(LENGTHS.tolist()):
        shares = torch.full((2, length), 1 / length, dtype=torch.float64)
        torch.testing.assert_close(weights[row, :, :length], shares)
        mean = given.memory[row, :length].mean(dim=0)
        alone = EncoderOutput(mean.expand(1, 1, -1), torch.tensor([1]), StackState(()), mean)
        wanted, _ = attention(queries[row : row + 1], attention.prepare(alone))
        torch.testing.assert_close(attended[row], wanted[0])


@every_kind
@with_and_without_coverage
def test_a_gradient_reaches_every_weight_the_query_and_the_memory(
    kind: str, coverage: bool
) -> None:
    attention = make(kind, coverage)
    given, queries = encoded(attention), values(4, 3, 6).requires_grad_()
    given.memory.requires_grad_()
    covered = values(4, 6).abs() if coverage else None
    attended, _ = attention(queries, attention.prepare(given), covered)
    (values(*attended.shape) * attended).sum().backward()
    named = {**dict(attention.named_parameters()), "queries": queries, "memory": given.memory}
    for name, weight in named.items():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        assert weight.grad.any(), name
    pads = torch.arange(6) >= LENGTHS.unsqueeze(1)
    assert torch.equal(given.memory.grad.any(dim=-1), ~pads)


def test_one_head_that_changes_nothing_is_the_scaled_dot() -> None:
    heads = MultiHeadAttention(6, 6, 6, heads=1).double()
    with torch.no_grad():
        for part in (heads.query, heads.key, heads.value, heads.output):
            part.weight.copy_(torch.eye(6))
            if part.bias is not None:
                part.bias.zero_()
    plain = DotAttention(6, 6, scaled=True)
    given, queries = encoded(plain), values(4, 3, 6)
    expected = plain(queries, plain.prepare(given))
    torch.testing.assert_close(heads(queries, heads.prepare(given)), expected)


@pytest.mark.parametrize("kind", ["dot", "general"])
def test_scaling_divides_the_scores_by_the_root_of_the_width(kind: str) -> None:
    plain, scaled = make(kind), make(f"scaled-{kind}")
    scaled.load_state_dict(plain.state_dict())
    given, queries = encoded(plain), values(4, 3, 6)

    def spread(attention: Any) -> torch.Tensor:
        """Differences of scores, read off the weights of the first sentence."""
        logs = attention(queries, attention.prepare(given))[1][0, :, :5].log()
        return logs - logs.mean(dim=-1, keepdim=True)

    torch.testing.assert_close(spread(scaled), spread(plain) / math.sqrt(6))


def centres(attention: LocalAttention, queries: torch.Tensor, given: EncoderOutput) -> torch.Tensor:
    """Where the Gaussian of each query is, read off the first two weights of equal scores."""
    _, weights = attention(queries, attention.prepare(given))
    slope = weights[..., 1].log() - weights[..., 0].log()  # = (2 p - 1) / (2 (D / 2)²)
    return slope * (attention.window / 2) ** 2 + 0.5


def test_local_attention_looks_near_a_place_inside_its_sentence() -> None:
    attention = make("local")
    lengths = torch.tensor([5, 2, 9, 4])
    given = encoded(attention, lengths)
    with torch.no_grad():
        attention.key.weight.zero_()
    found = centres(attention, values(4, 50, 6), given)
    assert (found >= -1e-9).all()
    assert (found <= lengths.unsqueeze(1) + 1e-9).all()
    assert found.std(dim=1).min() > 0.2  # the query says where
    for sign, wanted in ((1.0, lengths.double()), (-1.0, torch.zeros(4).double())):
        with torch.no_grad():  # v · tanh(W q) is 6 · 1e3 · tanh(1) or its negative
            attention.place[0].weight.copy_(torch.eye(6))
            attention.place[2].weight.fill_(sign * 1e3)
        ones = torch.ones(4, 1, 6, dtype=torch.float64)
        torch.testing.assert_close(centres(attention, ones, given)[:, 0], wanted)


def test_a_narrow_window_leaves_one_token_and_a_wide_one_all() -> None:
    attention = make("local")
    given, queries = encoded(attention), values(4, 3, 6)
    general = GeneralAttention(6, 4).double()
    general.key.load_state_dict(attention.key.state_dict())
    expected = general(queries, general.prepare(given))
    attention.window = 10**6
    torch.testing.assert_close(attention(queries, attention.prepare(given)), expected)
    attention.window = 1e-3
    _, weights = attention(queries, attention.prepare(given))
    torch.testing.assert_close(weights.amax(dim=-1), torch.ones(4, 3, dtype=torch.float64))


def test_the_window_ends_where_a_seventh_is_left() -> None:
    attention = make("local")
    with torch.no_grad():
        attention.key.weight.zero_()
        attention.place[2].weight.zero_()  # the place is the middle: position 4 of 8
    given = encoded(attention, torch.tensor([8]))
    _, weights = attention(values(1, 1, 6), attention.prepare(given))
    share = weights[0, 0] / weights[0, 0, 4]
    assert share[4 + WINDOW] == share[4 - WINDOW]
    torch.testing.assert_close(share[4 + WINDOW].item(), math.exp(-2))


def test_dot_products_of_unequal_sizes_and_heads_that_divide_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="query of 6 and a memory of 4"):
        DotAttention(6, 4)
    with pytest.raises(ValueError, match="3 heads can't share 8"):
        MultiHeadAttention(6, 4, 8, heads=3)


def test_every_attention_of_the_settings_is_there_and_none_is_none() -> None:
    names = set(get_args(get_type_hints(ModelSettings)["attention"]))
    assert names == {"none", *ATTENTIONS}
    assert build_attention(ModelSettings(attention="none"), 6, 4) is None
