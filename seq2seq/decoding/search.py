"""Many sentences -> hypotheses: sorted into batches, searched, and put back in order."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seq2seq.decoding.beam import beam_search
from seq2seq.decoding.greedy import greedy_search
from seq2seq.decoding.steps import Hypothesis
from seq2seq.models.translation import TranslationModel
from seq2seq.settings import DecodingSettings
from seq2seq.text.batching import pad_sources


@torch.no_grad()
def search(
    model: TranslationModel,
    sources: Sequence[Sequence[int]],
    settings: DecodingSettings,
    device: torch.device,
) -> list[list[Hypothesis]]:
    """The best hypotheses of each source, in the order of the sources.

    Sentences of like length are searched together, which changes the time only: each has its own
    beam, and pads reach no result.

    Args:
        model: in evaluation mode.
        sources: ids without bos and eos.
        settings: beam size, length penalty, length cap, batch size.
        device: where the model is.
    """
    order = sorted(range(len(sources)), key=lambda index: len(sources[index]))
    results: list[list[Hypothesis]] = [[] for _ in sources]
    for first in range(0, len(order), settings.batch_size):
        chosen = order[first : first + settings.batch_size]
        source, lengths = pad_sources([sources[index] for index in chosen])
        state = model.start(source.to(device), lengths)
        # eos, which pad_sources adds, is no token of the source.
        caps = (settings.max_length_ratio * (lengths - 1) + settings.max_length_extra).long()
        caps = caps.to(device)
        if settings.beam_size == 1:
            alpha = settings.length_penalty
            found = [[best] for best in greedy_search(model, state, caps, alpha=alpha)]
        else:
            found = beam_search(
                model,
                state,
                caps,
                beam_size=settings.beam_size,
                alpha=settings.length_penalty,
            )
        for index, hypotheses in zip(chosen, found, strict=True):
            results[index] = hypotheses
    return results
