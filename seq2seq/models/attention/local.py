"""Local attention: most of the weight is near one place in the source."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seq2seq.models.attention.base import at_least_float32
from seq2seq.models.attention.scores import GeneralAttention


class LocalAttention(GeneralAttention):
    """General attention near a place that the query predicts (Luong et al. 2015, "local-p").

    .. math::
        p &= S σ(v · \\tanh(W_p q)) \\\\
        a_s &∝ \\exp(q · W m_s) \\exp\\left(-\\frac{(s - p)^2}{2 (D / 2)^2}\\right)

    for the S source positions s; D is the window, in tokens, outside of which the Gaussian leaves
    less than a seventh. Luong et al. cut it off there, and don't renormalize; here the weights sum
    to 1.
    """

    def __init__(
        self, query_size: int, memory_size: int, window: int, *, coverage: bool = False
    ) -> None:
        super().__init__(query_size, memory_size, coverage=coverage)
        self.window = window
        self.place = nn.Sequential(
            nn.Linear(query_size, query_size, bias=False),
            nn.Tanh(),
            nn.Linear(query_size, 1, bias=False),
        )

    def weights_from_scores(self, scores: Tensor, queries: Tensor, pads: Tensor) -> Tensor:
        """Turns scores and the Gaussian together into weights."""
        lengths = (~pads).sum(dim=1).view(-1, 1, 1)
        # (batch_size, target_length, 1)
        places = lengths * torch.sigmoid(at_least_float32(self.place(queries)))
        positions = torch.arange(pads.shape[1], device=pads.device)
        # (batch_size, target_length, source_length)
        distances = (positions - places) / (self.window / 2)
        return super().weights_from_scores(scores - distances.square() / 2, queries, pads)
