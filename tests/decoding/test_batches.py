"""Sentences -> batches: each once, within the limits; precision and threads of a batch."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seq2seq.config.decoding import DecodingSettings
from seq2seq.decoding.batches import batches
from seq2seq.decoding.computing import MANY_ROWS, threads_for
from seq2seq.decoding.search import score, search
from seq2seq.models.translation import TranslationModel

CPU = torch.device("cpu")
SOURCES = [[4, 5, 6], [10], [7, 8, 4, 9, 10, 4], [], [5, 5], [9], [6, 7, 8, 9], [4, 5, 6]]


@given(st.lists(st.integers(0, 40)), st.integers(1, 9), st.integers(0, 99))
def test_each_row_is_in_one_batch_within_the_limits(
    lengths: list[int], size: int, tokens: int
) -> None:
    found = list(batches([[5] * length for length in lengths], size, tokens))
    assert sorted(index for batch in found for index in batch) == list(range(len(lengths)))
    for batch in found:
        longest = max(lengths[index] for index in batch) + 1
        assert len(batch) == 1 or (len(batch) <= size and len(batch) * longest <= tokens)
    assert [lengths[index] for batch in found for index in batch] == sorted(lengths)


@pytest.mark.parametrize("beam", [1, 3])
def test_the_limits_change_no_result(
    tiny_model: Callable[..., TranslationModel], beam: int
) -> None:
    model = tiny_model()
    all_at_once = search([model], [SOURCES], DecodingSettings(beam_size=beam), CPU)
    for tokens in (1, 9, 40):
        settings = DecodingSettings(beam_size=beam, batch_tokens=tokens)
        again = search([model], [SOURCES], settings, CPU)
        assert [[h.tokens for h in row] for row in again] == [
            [h.tokens for h in row] for row in all_at_once
        ]
    scores = score([model], [SOURCES], SOURCES, CPU, batch_tokens=9)
    for row, other in zip(scores, score([model], [SOURCES], SOURCES, CPU), strict=True):
        assert row == pytest.approx(other, abs=1e-5)


def test_bfloat16_finds_what_float32_finds_to_three_digits(
    tiny_model: Callable[..., TranslationModel],
) -> None:
    model = tiny_model()
    plain = search([model], [SOURCES], DecodingSettings(beam_size=1, max_length=1), CPU)
    low = search(
        [model],
        [SOURCES],
        DecodingSettings(beam_size=1, max_length=1, precision="bfloat16"),
        CPU,
    )
    pairs = [(a[0].log_probability, b[0].log_probability) for a, b in zip(plain, low, strict=True)]
    assert any(one != other for one, other in pairs)  # it is used
    assert all(one == pytest.approx(other, rel=0.02, abs=0.02) for one, other in pairs)


def test_a_few_rows_have_one_thread_and_the_rest_has_all_again() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with threads_for(MANY_ROWS - 1, CPU):
            assert torch.get_num_threads() == 1
        with threads_for(MANY_ROWS, CPU):
            assert torch.get_num_threads() == 3
        with pytest.raises(ValueError, match="an error"), threads_for(1, CPU):
            raise ValueError("an error")
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
