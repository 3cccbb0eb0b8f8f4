"""A translation model as one update of its weights sees it: its loss."""

from __future__ import annotations

from typing import NamedTuple

import torch

from seq2seq.config.training import TrainingSettings
from seq2seq.data.batching import Batch
from seq2seq.models.translation import TranslationModel
from seq2seq.training.loss import Loss, drop_padding, output_cross_entropy
from seq2seq.training.scheduled_sampling import pre_logits_with_sampling


class TranslationLearner(NamedTuple):
    """A translation model as one update sees it."""

    model: TranslationModel
    settings: TrainingSettings

    def loss(
        self, batch: Batch, *, rate: float, device: torch.device, generator: torch.Generator
    ) -> Loss:
        """Cross-entropy on real tokens, with the history that scheduled sampling asks for."""
        batch = batch.to(device)
        values, _ = pre_logits_with_sampling(
            self.model.decoder,
            self.model.start(batch.source, batch.source_lengths),
            batch.target_input,
            rate=rate,
            settings=self.settings.sampling,
            generator=generator,
        )
        return output_cross_entropy(
            drop_padding(values, batch.target_lengths),
            self.model.decoder.output,
            drop_padding(batch.target_output, batch.target_lengths),
            self.settings.label_smoothing,
        )
