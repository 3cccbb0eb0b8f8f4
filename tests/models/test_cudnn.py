"""Sequences on a GPU: packed without waiting, and in bfloat16 what they are in float32."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

from seq2seq import ModelSettings
from seq2seq.data.batching import make_batch
from seq2seq.models.cells.cudnn import Packing
from seq2seq.models.translation import TranslationModel, build_translation_model

CPU = torch.device("cpu")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")


@given(st.lists(st.integers(1, 9), min_size=1, max_size=7), st.integers(0, 2))
def test_packed_as_torch_packs(lengths: list[int], more: int) -> None:
    """The places of tokens, the order of rows and the sizes of steps are those of torch."""
    longest = max(lengths) + more
    values = torch.arange(len(lengths) * longest).view(len(lengths), longest, 1)
    packed = pack_padded_sequence(values, torch.tensor(lengths), True, enforce_sorted=False)
    packing = Packing.of(torch.tensor(lengths), longest, CPU)
    assert packing.batch_sizes.tolist() == packed.batch_sizes.tolist()
    ours = values.flatten(0, 1)[packing.places]
    # torch may order rows of one length otherwise: within a step, the same tokens.
    ends = packing.batch_sizes.cumsum(0).tolist()
    for begin, end in pairwise([0, *ends]):
        own, its = ours[begin:end], packed.data[begin:end]
        assert sorted(own.flatten().tolist()) == sorted(its.flatten().tolist())
    assert packing.order[packing.back].tolist() == list(range(len(lengths)))


def gradients(model: TranslationModel, low: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """The logits of a batch with pads, and the gradients of its loss."""
    device = torch.device("cuda")
    batch = make_batch(
        [[5, 6, 7, 8], [9, 10], [11, 12, 13, 14, 15, 16]], [[4, 5], [6, 7, 8, 9], [7]]
    ).to(device)
    model.zero_grad()
    with torch.autocast("cuda", torch.bfloat16, enabled=low):
        logits = model(batch.source, batch.source_lengths, batch.target_input).float()
    F.cross_entropy(logits.flatten(0, 1), batch.target_output.flatten(), ignore_index=0).backward()  # type: ignore[no-untyped-call]
    found = {name: each.grad for name, each in model.named_parameters()}
    return logits.detach(), {name: each for name, each in found.items() if each is not None}


@needs_gpu
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("cell", ["lstm", "gru", "elman"])
def test_bfloat16_on_a_gpu(cell: Literal["lstm", "gru", "elman"], layers: int) -> None:
    """Layers and directions in one call give logits and gradients of float32, but for rounding."""
    settings = ModelSettings(
        cell=cell,
        embedding_size=32,
        encoder_sizes=(48,) * layers,
        decoder_sizes=(64,) * layers,
        dropout=0.0,
    )
    torch.manual_seed(1)
    model = build_translation_model(50, 50, settings).to("cuda")
    exact, wanted = gradients(model, low=False)
    rounded, found = gradients(model, low=True)
    assert (exact - rounded).abs().max() < 0.02
    for name, gradient in wanted.items():
        assert (gradient - found[name]).norm() < 0.03 * gradient.norm() + 1e-6, name


@needs_gpu
def test_small_gradients_on_a_gpu() -> None:
    """Gradients below the smallest number of float16 arrive: those of a mean over many tokens."""
    settings = ModelSettings(embedding_size=32, encoder_sizes=(48,), decoder_sizes=(64,))
    torch.manual_seed(1)
    model = build_translation_model(50, 50, settings).to("cuda").eval()
    batch = make_batch([[5, 6, 7, 8], [9, 10]], [[4, 5], [6, 7, 8, 9]]).to(torch.device("cuda"))
    for scale in (1.0, 2.0**-40):
        model.train()
        model.encoder.dropout.rate = model.decoder.dropout.rate = 0.0
        model.zero_grad()
        with torch.autocast("cuda", torch.bfloat16):
            logits = model(batch.source, batch.source_lengths, batch.target_input)
        (logits.float().square().sum() * scale).backward()
        weight = dict(model.named_parameters())["encoder.stack.forwards.0.kernel.weight_hh_l0"]
        assert weight.grad is not None
        norm = float(weight.grad.norm()) / scale
        if scale == 1.0:
            wanted = norm
    assert norm == pytest.approx(wanted, rel=0.05)
