"""Batches: the frame of bos and eos, padding, and buckets by length."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.batching import bucket, make_batch, pad, pad_mask, pad_sources, real_places
from seq2seq.data.vocabulary import BOS_ID, EOS_ID, PAD_ID

IDS = st.lists(st.integers(4, 50), max_size=7)
PAIRS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60)
BUDGETS = st.integers(1, 200)


def test_the_special_tokens_have_four_different_ids() -> None:
    assert len({PAD_ID, BOS_ID, EOS_ID}) == 3


def test_pairs_are_framed_as_the_picture_says() -> None:
    batch = make_batch([[11, 12, 13], [14]], [[21, 22], [23, 24, 25]])
    assert batch.source.tolist() == [[11, 12, 13, EOS_ID], [14, EOS_ID, PAD_ID, PAD_ID]]
    assert batch.source_lengths.tolist() == [4, 2]
    assert batch.target_input.tolist() == [[BOS_ID, 21, 22, PAD_ID], [BOS_ID, 23, 24, 25]]
    assert batch.target_output.tolist() == [[21, 22, EOS_ID, PAD_ID], [23, 24, 25, EOS_ID]]
    assert batch.target_lengths.tolist() == [3, 4]
    assert batch.target_tokens == 7


@given(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=6))
def test_a_batch_loses_nothing_and_pads_stand_behind_the_lengths_only(
    pairs: list[tuple[list[int], list[int]]],
) -> None:
    sources, targets = zip(*pairs, strict=True)
    batch = make_batch(sources, targets)
    for padded, lengths, rows in (
        (batch.source, batch.source_lengths, [[*ids, EOS_ID] for ids in sources]),
        (batch.target_input, batch.target_lengths, [[BOS_ID, *ids] for ids in targets]),
        (batch.target_output, batch.target_lengths, [[*ids, EOS_ID] for ids in targets]),
    ):
        assert padded.dtype == torch.long
        assert padded.shape == (len(rows), max(map(len, rows)))
        for row, length, ids in zip(padded.tolist(), lengths.tolist(), rows, strict=True):
            assert length == len(ids)
            assert row[:length] == ids
            assert row[length:] == [PAD_ID] * (len(row) - length)
    assert batch.target_tokens == sum(len(ids) + 1 for ids in targets)


def test_an_encoder_reads_the_same_source_with_and_without_a_target() -> None:
    sources = [[4, 5], [], [6, 7, 8]]
    batch = make_batch(sources, [[], [9], [4]])
    source, lengths = pad_sources(sources)
    assert torch.equal(source, batch.source)
    assert torch.equal(lengths, batch.source_lengths)
    padded, lengths = pad([[5], [6, 7]])
    assert padded.tolist() == [[5, PAD_ID], [6, 7]]
    assert lengths.tolist() == [1, 2]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=9))
def test_the_places_of_tokens_are_those_without_a_pad(lengths: list[int]) -> None:
    pads = pad_mask(torch.tensor(lengths), 9, torch.device("cpu"))
    places = real_places(torch.tensor(lengths), 9)
    assert places.tolist() == (~pads).flatten().nonzero().flatten().tolist()


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_ids_move_to_a_device_and_lengths_stay(device: str) -> None:
    moved = make_batch([[4]], [[5, 6]]).to(torch.device(device))
    for ids in (moved.source, moved.target_input, moved.target_output):
        assert ids.device.type == device
    assert moved.source_lengths.device.type == moved.target_lengths.device.type == "cpu"


def buckets(pairs: list[tuple[int, int]], budget: int, seed: int | None) -> list[list[int]]:
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    sources, targets = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return bucket(sources, targets, budget, generator)


@given(PAIRS, BUDGETS, st.one_of(st.none(), st.integers(0, 1000)))
def test_every_position_is_in_exactly_one_batch_and_no_batch_is_empty(
    pairs: list[tuple[int, int]], budget: int, seed: int | None
) -> None:
    batches = buckets(pairs, budget, seed)
    assert all(batches)
    assert sorted(position for batch in batches for position in batch) == list(range(len(pairs)))


@given(PAIRS, BUDGETS, st.one_of(st.none(), st.integers(0, 1000)))
def test_only_a_pair_alone_is_over_the_budget(
    pairs: list[tuple[int, int]], budget: int, seed: int | None
) -> None:
    for batch in buckets(pairs, budget, seed):
        if len(batch) > 1:
            made = make_batch(
                [[4] * pairs[i][0] for i in batch], [[4] * pairs[i][1] for i in batch]
            )
            assert made.source.numel() <= budget
            assert made.target_input.numel() <= budget


@given(PAIRS, BUDGETS)
def test_a_batch_ends_only_where_the_next_pair_would_not_fit(
    pairs: list[tuple[int, int]], budget: int
) -> None:
    batches = buckets(pairs, budget, None)
    for batch, following in pairwise(batches):
        longest = max(max(pairs[position]) + 1 for position in [*batch, following[0]])
        assert longest * (len(batch) + 1) > budget


@given(PAIRS, BUDGETS, st.integers(0, 1000))
def test_batches_hold_like_source_lengths(
    pairs: list[tuple[int, int]], budget: int, seed: int
) -> None:
    """In order of their shortest source, no batch reaches into the next."""
    for number in (None, seed):
        batches = [[pairs[i][0] for i in batch] for batch in buckets(pairs, budget, number)]
        spans = sorted((min(lengths), max(lengths)) for lengths in batches)
        assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_the_seed_alone_decides_which_sentences_meet_and_in_what_order() -> None:
    pairs = [(index % 9, index % 7) for index in range(300)]
    first, again, other = (buckets(pairs, 64, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert set(map(frozenset, first)) != set(map(frozenset, other))
    lengths = [pairs[batch[0]][0] for batch in first]
    assert lengths != sorted(lengths)  # short sentences do not all come first
    plain = buckets(pairs, 64, None)
    assert [pairs[batch[0]][0] for batch in plain] == sorted(pairs[batch[0]][0] for batch in plain)


def test_nothing_gives_no_batch() -> None:
    assert bucket([], [], 100) == bucket([], [], 100, torch.Generator()) == []
