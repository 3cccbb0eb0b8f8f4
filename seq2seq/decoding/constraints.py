"""Which tokens may come next: the same constraints for every search.

Where constraints disagree, the first of these decides: the forced prefix, then the greatest length,
then the ids that never come, then the repeated n-grams and the least length. Where they leave no
token that has a probability above 0, eos comes, so that every search ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seq2seq.data.batching import pad
from seq2seq.data.vocabulary import EOS_ID
from seq2seq.decoding.hypothesis import FORBIDDEN_IDS


class Constraints:
    """What each sentence of a batch may consist of.

    Args:
        max_lengths: the most tokens of each hypothesis, eos not counted, ``(batch_size,)``. Where
            that is less than `min_length` or than the prefix, those count.
        forbidden: ids that never come out.
        min_length: the fewest tokens of each hypothesis, eos not counted.
        no_repeat_ngram: no sequence of so many tokens comes twice in a hypothesis; 0: any may.
        prefixes: for each sentence the ids that all its hypotheses begin with; no rule above holds
            within them, but their n-grams can't be repeated afterwards.
    """

    def __init__(
        self,
        max_lengths: Tensor,
        *,
        forbidden: Sequence[int] = FORBIDDEN_IDS,
        min_length: int = 0,
        no_repeat_ngram: int = 0,
        prefixes: Sequence[Sequence[int]] | None = None,
    ) -> None:
        device = max_lengths.device
        self.forbidden = torch.tensor(forbidden, dtype=torch.long, device=device)
        self.min_length = min_length
        self.no_repeat_ngram = no_repeat_ngram
        self.max_lengths = max_lengths.clamp(min=min_length)
        self.prefixes: tuple[Tensor, Tensor] | None = None
        if prefixes is not None and any(prefixes):
            ids, lengths = (part.to(device) for part in pad(prefixes))
            self.prefixes = ids, lengths
            self.max_lengths = torch.maximum(self.max_lengths, lengths)
        # Before the shortest of them, no hypothesis can have reached its greatest length.
        self.shortest = int(self.max_lengths.min()) if len(max_lengths) else 0

    def apply(self, log_probs: Tensor, histories: Tensor, sentences: Tensor) -> Tensor:
        """Log-probabilities with -inf where a token must not come; the others are as they were.

        Args:
            log_probs: of the next token, ``(rows, vocab_size)``; overwritten, since a copy of the
                largest tensor of a step takes time.
            histories: the tokens before it, ``(rows, length)``.
            sentences: which sentence of the batch a row is of, ``(rows,)``.
        """
        length = histories.shape[1]
        # What is forced has its own log-probability, though a rule or the model forbids it.
        lowest = torch.finfo(log_probs.dtype).min
        forced = log_probs[:, EOS_ID].clamp(min=lowest)
        begun = self.prefix_tokens(log_probs, length, sentences)
        allowed = log_probs.index_fill_(1, self.forbidden, float("-inf"))
        if length < self.min_length:
            allowed[:, EOS_ID] = float("-inf")
        if 0 < self.no_repeat_ngram <= length:
            forbid_repeats(allowed, histories, self.no_repeat_ngram)
        if length >= self.shortest:
            full = length >= self.max_lengths[sentences]
            ending = allowed[:, EOS_ID].clone()
            allowed.masked_fill_(full.unsqueeze(1), float("-inf"))
            allowed[:, EOS_ID] = ending
        stuck = allowed.amax(dim=-1) == float("-inf")
        allowed[:, EOS_ID] = allowed[:, EOS_ID].where(~stuck, forced)
        if begun is not None:
            rows, tokens, values = begun
            allowed[rows] = float("-inf")
            allowed[rows, tokens] = values.clamp(min=lowest)
        return allowed

    def prefix_tokens(
        self, log_probs: Tensor, length: int, sentences: Tensor
    ) -> tuple[Tensor, Tensor, Tensor] | None:
        """Returns rows that are within their prefix, its next token, and its log-probability.

        None if there are none; arguments as for `apply`, after `length` tokens.
        """
        if self.prefixes is None or length >= self.prefixes[0].shape[1]:
            return None
        ids, lengths = self.prefixes
        rows = (length < lengths[sentences]).nonzero().squeeze(1)
        tokens = ids[sentences[rows], length]
        return rows, tokens, log_probs[rows, tokens]


def forbid_repeats(allowed: Tensor, histories: Tensor, size: int) -> None:
    """Writes -inf where a token would end an n-gram of `size` that is in its row already.

    Args:
        allowed: ``(rows, vocab_size)``, changed in place.
        histories: ``(rows, length)``, of at least `size` tokens.
    """
    ngrams = histories.unfold(1, size, 1)  # (rows, length - size + 1, size)
    last = histories[:, histories.shape[1] - size + 1 :].unsqueeze(1)  # (rows, 1, size - 1)
    rows, places = (ngrams[:, :, :-1] == last).all(dim=2).nonzero(as_tuple=True)
    allowed[rows, ngrams[rows, places, size - 1]] = float("-inf")
