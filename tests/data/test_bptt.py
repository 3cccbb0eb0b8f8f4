"""Windows of one long text: what is a target, and what continues what."""

from collections import Counter
from itertools import count, pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.data.bptt import Window, random_windows, sequential_windows
from seq2seq.errors import DataError

STEPS = st.integers(1, 9)
ROWS = st.integers(1, 7)
EXTRA = st.integers(0, 60)
SEEDS = st.integers(0, 1000)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def target_counts(windows: list[Window]) -> Counter[int]:
    return Counter(token for window in windows for token in window.targets.flatten().tolist())


def check_shift(windows: list[Window]) -> None:
    """In a text that counts up, the targets are the inputs and one."""
    for window in windows:
        assert window.inputs.dtype == window.targets.dtype == torch.long
        assert torch.equal(window.targets, window.inputs + 1)
        assert torch.equal(window.inputs.diff(), torch.ones_like(window.inputs[:, 1:]))


# ---------------------------------------------------------------------------------------------
# Dive into Deep Learning, section 9.3: 0 … 34, five steps, batches of two


@pytest.mark.parametrize("seed", range(10))
def test_the_sequence_0_to_34_in_random_windows(seed: int) -> None:
    windows = random_windows(range(35), 5, 2, seeded(seed))
    check_shift(windows)
    assert all(window.first for window in windows)
    begins = [row[0] for window in windows for row in window.inputs.tolist()]
    offset = min(begins)
    assert offset < 5
    assert sorted(begins) == list(range(offset, 34, 5))
    assert begins != sorted(begins), "in random order"
    assert target_counts(windows) == Counter(range(offset + 1, 35))
    shapes = Counter(tuple(window.inputs.shape) for window in windows)
    left = (34 - offset) % 5
    assert shapes == {(2, 5): 3} | ({(1, left): 1} if left else {})


def test_the_sequence_0_to_34_in_sequential_windows() -> None:
    epochs = (sequential_windows(range(35), 5, 2, seeded(seed)) for seed in count())
    windows = next(epoch for epoch in epochs if epoch[0].inputs[0, 0] == 0)
    assert [window.inputs.tolist() for window in windows] == [
        [[0, 1, 2, 3, 4], [17, 18, 19, 20, 21]],
        [[5, 6, 7, 8, 9], [22, 23, 24, 25, 26]],
        [[10, 11, 12, 13, 14], [27, 28, 29, 30, 31]],
        [[15, 16], [32, 33]],
    ]
    check_shift(windows)
    assert [window.first for window in windows] == [True, False, False, False]
    assert target_counts(windows) == Counter(range(1, 35))


@pytest.mark.parametrize("seed", range(10))
def test_the_sequence_0_to_34_in_sequential_windows_from_a_random_offset(seed: int) -> None:
    windows = sequential_windows(range(35), 5, 2, seeded(seed))
    check_shift(windows)
    offset = int(windows[0].inputs[0, 0])
    assert offset < 5
    for window, following in pairwise(windows):
        assert torch.equal(following.inputs[:, 0], window.targets[:, -1])
    # Of an odd number of targets, one can't be shared out between two rows.
    assert target_counts(windows) == Counter(range(offset + 1, 35 - (34 - offset) % 2))


# ---------------------------------------------------------------------------------------------
# any size


@given(STEPS, ROWS, EXTRA, SEEDS)
def test_random_windows_have_every_token_after_the_offset_as_a_target_once(
    steps: int, rows: int, extra: int, seed: int
) -> None:
    length = steps + 1 + extra
    windows = random_windows(range(length), steps, rows, seeded(seed))
    check_shift(windows)
    counts = target_counts(windows)
    offset = min(counts) - 1
    assert 0 <= offset < steps
    assert counts == Counter(range(offset + 1, length))
    assert all(window.first for window in windows)
    shapes = [tuple(window.inputs.shape) for window in windows]
    assert sum(shape != (rows, steps) for shape in shapes) <= 2
    assert sum(shape[1] != steps for shape in shapes) <= 1
    assert all(0 < shape[0] <= rows and 0 < shape[1] <= steps for shape in shapes)
    assert all(shape[0] == 1 for shape in shapes if shape[1] < steps)


@given(STEPS, ROWS, EXTRA, SEEDS)
def test_sequential_windows_continue_their_rows_and_leave_out_less_than_a_column(
    steps: int, rows: int, extra: int, seed: int
) -> None:
    length = steps + rows + extra
    windows = sequential_windows(range(length), steps, rows, seeded(seed))
    check_shift(windows)
    for window, following in pairwise(windows):
        assert window.inputs.shape == (rows, steps)
        assert torch.equal(following.inputs[:, 0], window.targets[:, -1])
    assert 0 < windows[-1].inputs.shape[1] <= steps
    assert [window.first for window in windows] == [True] + [False] * (len(windows) - 1)
    counts = target_counts(windows)
    offset, last = min(counts) - 1, max(counts)
    assert 0 <= offset < steps
    assert counts == Counter(range(offset + 1, last + 1))
    assert length - 1 - last < rows
    assert sum(window.target_tokens for window in windows) == last - offset


def test_every_offset_and_many_orders_are_drawn() -> None:
    generator = seeded(1)
    epochs = [random_windows(range(35), 5, 2, generator) for _ in range(60)]
    assert {min(target_counts(epoch)) - 1 for epoch in epochs} == set(range(5))
    meeting = {tuple(epoch[0].inputs[:, 0].tolist()) for epoch in epochs}
    assert len(meeting) > 30, "which pieces meet is random, too"
    sequential = [sequential_windows(range(35), 5, 2, generator) for _ in range(60)]
    assert {int(epoch[0].inputs[0, 0]) for epoch in sequential} == set(range(5))


@pytest.mark.parametrize("cut", [random_windows, sequential_windows])
def test_the_seed_alone_decides(cut: object) -> None:
    assert callable(cut)

    def epoch(seed: int) -> list[list[list[int]]]:
        return [window.inputs.tolist() for window in cut(range(100), 7, 3, seeded(seed))]

    assert epoch(1) == epoch(1)
    assert len({str(epoch(seed)) for seed in range(8)}) > 1


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_a_window_moves_to_a_device(device: str) -> None:
    window = sequential_windows(range(12), 4, 2, seeded(1))[0]
    assert window.target_tokens == 8
    moved = window.to(torch.device(device))
    assert moved.inputs.device.type == moved.targets.device.type == device
    assert moved.first
    assert moved.target_tokens == 8


def test_the_shortest_text_that_is_enough() -> None:
    for seed in range(20):
        assert random_windows(range(6), 5, 9, seeded(seed))
        assert sequential_windows(range(8), 5, 3, seeded(seed))


def test_a_text_that_is_too_short_is_named() -> None:
    with pytest.raises(DataError, match=r"has 5 tokens, .* 5 steps in 9 rows, which need 6: lower"):
        random_windows(range(5), 5, 9, seeded(1))
    with pytest.raises(DataError, match=r"has 7 tokens, .* 5 steps in 3 rows, which need 8: lower"):
        sequential_windows(range(7), 5, 3, seeded(1))
    with pytest.raises(DataError, match="has 0 tokens"):
        random_windows([], 1, 1, seeded(1))
