"""The output layer for some tokens of the vocabulary only."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F


class ChosenOutput(NamedTuple):
    """The rows of an output layer that belong to the tokens that a batch may have.

    Attributes:
        weight: ``(chosen, readout_size)``.
        bias: ``(chosen,)``.
        excluded: which of these tokens a sentence may not have, ``(sentences, chosen)``.
    """

    weight: Tensor
    bias: Tensor
    excluded: Tensor

    @classmethod
    def of(cls, output: nn.Linear, tokens: Tensor, allowed: Tensor) -> ChosenOutput:
        """Copies the rows of some tokens ``(chosen,)``, see `StepModel.choose_targets`."""
        return cls(output.weight[tokens], output.bias[tokens], ~allowed)

    @property
    def batch_wide(self) -> tuple[str, ...]:
        """What holds for all sentences."""
        return ("weight", "bias")

    @property
    def source_fields(self) -> tuple[str, ...]:
        """What a search needs once for each sentence, however many hypotheses it follows."""
        return ("excluded",)

    def logits(self, pre_logits: Tensor) -> Tensor:
        """Returns logits ``(rows, chosen)``, -inf for tokens that the row's sentence may not have.

        Args:
            pre_logits: ``(rows, readout_size)``, equally many rows for each sentence, one after the
                other.
        """
        logits = F.linear(pre_logits, self.weight, self.bias)
        grouped = logits.view(len(self.excluded), -1, logits.shape[-1])
        return grouped.masked_fill(self.excluded.unsqueeze(1), float("-inf")).view_as(logits)
