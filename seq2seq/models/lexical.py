"""Lexical translation: attended source words contribute to the output directly.

A decoder's state knows what would be fluent, and may prefer a frequent word to a rare right one.
Here the embeddings of the source tokens, weighed by attention as the encoder's outputs are, go to
the output layer past all recurrent layers (Nguyen & Chiang 2018, section 4).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LexicalTranslation(nn.Module):
    """Computes what the attended source words add to the pre-logits of the next token.

    .. math::
        f &= \\tanh\\left(\\sum_s a_s e_s\\right) \\\\
        h &= f + \\tanh(W f + b)

    for the weights a and the source embeddings e. In the paper, h goes through an output matrix of
    its own; here it is added to the readout, and the two share one.

    The embeddings and the pre-logits are `size` wide.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.translate = nn.Linear(size, size)

    def forward(self, weights: Tensor, embedded: Tensor) -> Tensor:
        """Returns what is added to the pre-logits, ``(batch_size, …, size)``.

        From weights of attention ``(batch_size, …, source_length)`` and the embedded source
        ``(batch_size, source_length, size)``; weights of one step, ``(rows, source_length)``, may
        have several rows for each source.
        """
        grouped = weights.reshape(len(embedded), -1, weights.shape[-1]).to(embedded.dtype)
        words = torch.bmm(grouped, embedded).view(*weights.shape[:-1], -1)  # (batch_size, …, size)
        found = torch.tanh(words)
        translated: Tensor = found + torch.tanh(self.translate(found))
        return translated
