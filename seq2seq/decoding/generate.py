"""Generated text: one token after the other, drawn or the most probable.

Unlike a translation, running text goes on after a line's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from seq2seq.config.language_model import GenerationSettings
from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.hypothesis import FORBIDDEN_IDS, Ids
from seq2seq.decoding.interface import StepLanguageModel
from seq2seq.decoding.sampling import draw_tokens, sample_key, truncated_distribution
from seq2seq.errors import RunError


@torch.no_grad()
def generate_ids(
    model: StepLanguageModel,
    prefix: Ids,
    settings: GenerationSettings,
    device: torch.device,
    *,
    ends: bool,
    not_next: Sequence[int] = (),
) -> Iterator[int]:
    """Yields the tokens after `prefix`, each as soon as it is chosen.

    Every random draw is a function of the seed, the prefix and the position.

    Args:
        model: in evaluation mode.
        prefix: ids, at least the one that everything begins with; read first.
        ends: whether eos ends it; it is not given back then. Else it is a token like others.
        not_next: ids that can't be the first one, unless the model has no other.

    Raises:
        RunError: no token has a probability.
    """
    key = sample_key(settings.seed, prefix, 0)
    never = torch.tensor(FORBIDDEN_IDS, device=device)
    unwanted = torch.tensor(not_next, dtype=torch.long, device=device)
    state = model.start(1)
    for token in prefix[:-1]:
        _, state = model.step(torch.tensor([token], device=device), state)
    token = prefix[-1]
    for position in range(settings.max_tokens):
        log_probs, state = model.step(torch.tensor([token], device=device), state)
        allowed = log_probs.index_fill(1, never, float("-inf"))
        if not bool((allowed > float("-inf")).any()):  # as nan isn't
            raise RunError(
                "the model gives no token a probability here: its training has diverged, or the "
                "n-grams of its ARPA file leave nothing"
            )
        if position == 0:
            chosen = allowed.index_fill(1, unwanted, float("-inf"))
            allowed = chosen if bool((chosen > float("-inf")).any()) else allowed
        if settings.temperature == 0:
            token = int(allowed.argmax())
        else:
            distribution = truncated_distribution(
                allowed, settings.temperature, settings.top_k, settings.top_p
            )
            token = int(draw_tokens(distribution, [key], position))
        if ends and token == EOS_ID:
            return
        yield token
