"""Language modelling as the trainer sees it: windows or sentences, their loss, and validation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.config.language_model import LanguageExperiment
from seq2seq.config.training import TrainingSettings
from seq2seq.config.wording import counted
from seq2seq.data.batching import bucket, pad
from seq2seq.data.bptt import Window, random_windows, sequential_windows
from seq2seq.data.token_stream import TokenStream
from seq2seq.decoding.generate import generate_ids
from seq2seq.errors import DataError, RunError
from seq2seq.evaluation.perplexity import held_out_score
from seq2seq.models.decoder import DecoderState
from seq2seq.models.language_model import LanguageNetwork
from seq2seq.training.loss import Loss, drop_padding, output_cross_entropy
from seq2seq.training.reporting import log_line
from seq2seq.training.scheduled_sampling import pre_logits_with_sampling
from seq2seq.training.task import Validation, check_batch_tokens

EXTRA_SCORES = ("word_perplexity", "character_perplexity", "bits_per_character")
"""Scores that don't depend on what a token is."""


class TextSplits(NamedTuple):
    """Training and validation text, each as lines."""

    train: list[str]
    validation: list[str]


class SentenceBatch(NamedTuple):
    """A batch of whole sentences.

    Attributes:
        inputs: ``(batch_size, length)``: bos, then the tokens.
        targets: ``(batch_size, length)``: the tokens, then eos.
        lengths: true lengths ``(batch_size,)``, eos counted, on the CPU.
        first: the state always starts at zero.
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor
    first: bool = True

    @property
    def target_tokens(self) -> int:
        """How many tokens there are to predict."""
        return int(self.lengths.sum())

    def split(self, count: int) -> list[SentenceBatch]:
        """Returns at most so many batches with about equally many of the sentences each."""
        columns = (self.inputs, self.targets, self.lengths)
        parts = zip(*(part.tensor_split(min(count, len(part))) for part in columns), strict=True)
        return [SentenceBatch(*each) for each in parts]

    def to(self, device: torch.device) -> SentenceBatch:
        """The same batch with its ids on `device`."""
        return self._replace(inputs=self.inputs.to(device), targets=self.targets.to(device))


class LanguageTask:
    """What the trainer needs of a language model: batches, loss, validation.

    Between the windows of a sequential partition it carries the state of the recurrent layers.

    Args:
        network: to be trained.
        texts: training and validation text.
        text: how text becomes ids.
        train_ids: the ids of each line of the training text.
        experiment: the whole description.
    """

    def __init__(
        self,
        network: LanguageNetwork,
        texts: TextSplits,
        text: TokenStream,
        train_ids: Sequence[list[int]],
        experiment: LanguageExperiment,
    ) -> None:
        self.network = network
        self.text = text
        self.experiment = experiment
        self.layers: tuple[tuple[Tensor, ...], ...] = ()
        self.current: tuple[int, list[Window | SentenceBatch]] | None = None
        self.texts = texts
        rows = text.rows_from_ids(train_ids)
        self.rows = self.without_long(rows) if text.sentences else rows

    def without_long(self, rows: list[list[int]]) -> list[list[int]]:
        """The sentences of at most the greatest length; the number of the others is reported."""
        limit = self.experiment.data.max_length
        kept = [row for row in rows if len(row) <= limit + 2]  # bos and eos
        if len(kept) < len(rows):
            log_line(
                f"{counted(len(rows) - len(kept), 'sentence')} left out for more than {limit} "
                "tokens (--data.max-length)"
            )
        if not kept:
            raise DataError(f"no training sentence has at most {limit} tokens")
        check_batch_tokens([len(row) - 2 for row in kept], self.experiment.training.batch_tokens)
        return kept

    def batches(self, epoch: int) -> Sequence[Window | SentenceBatch]:
        """The batches of an epoch, from (seed, epoch)."""
        if self.current is None or self.current[0] != epoch:
            seed = self.experiment.seed * 1_000_003 + epoch
            self.current = (epoch, self.make_batches(torch.Generator().manual_seed(seed)))
        return self.current[1]

    def make_batches(self, generator: torch.Generator) -> list[Window | SentenceBatch]:
        """Windows of the text, or sentences of like length together."""
        data = self.experiment.data
        if data.windows == "random":
            return [*random_windows(self.rows[0], data.steps, data.batch_size, generator)]
        if data.windows == "sequential":
            return [*sequential_windows(self.rows[0], data.steps, data.batch_size, generator)]
        lengths = [len(row) - 2 for row in self.rows]
        budget = self.experiment.training.batch_tokens
        return [
            make_sentence_batch([self.rows[index] for index in chosen])
            for chosen in bucket(lengths, lengths, budget, generator)
        ]

    def seen(self, epoch: int, batch: int) -> dict[str, float]:
        """Nothing: there is one text."""
        return {}

    def loss(
        self,
        batch: Window | SentenceBatch,
        *,
        rate: float,
        device: torch.device,
        generator: torch.Generator,
    ) -> Loss:
        """Cross-entropy on real tokens, from a state of zeros or the one that was reached."""
        first = self.network.start(len(batch.inputs)) if batch.first else self.carried_state(device)
        settings = self.experiment.training
        loss, state = loss_and_state(
            self.network, batch.to(device), first, settings, rate, generator
        )
        self.store_state(state)
        return loss

    def store_state(self, state: DecoderState) -> None:
        """Keeps the state for the next window, cut off from how it came about.

        What is no number becomes 0: the update it came from is left out, and so the next is not.
        """
        self.layers = tuple(
            tuple(part.detach().float().nan_to_num(0.0, 0.0, 0.0) for part in layer)
            for layer in state.recurrent.layers
        )

    def carried_state(self, device: torch.device) -> DecoderState:
        """The state that was kept, with fresh masks."""
        layers = tuple(tuple(part.to(device) for part in layer) for layer in self.layers)
        return self.network.state_from_layers(layers)

    def state_dict(self) -> dict[str, Tensor]:
        """The state that was kept: ``layer.part`` -> ``(batch_size, its size)``."""
        if self.experiment.data.windows != "sequential":
            return {}
        return {
            f"{number}.{index}": part
            for number, layer in enumerate(self.layers)
            for index, part in enumerate(layer)
        }

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Continues from what `state_dict` gave."""
        layers: dict[int, dict[int, Tensor]] = {}
        for name, part in tensors.items():
            number, index = map(int, name.split("."))
            layers.setdefault(number, {})[index] = part
        self.layers = tuple(
            tuple(parts[index] for index in sorted(parts)) for _, parts in sorted(layers.items())
        )

    @torch.no_grad()
    def validate(self, device: torch.device) -> Validation:
        """Perplexity of the held-out text, and a piece of text that the model makes up."""
        score = held_out_score(self.network, self.text, self.texts.validation, device)
        settings = self.experiment.generation
        begun, ends = self.text.begin(settings.prefix), self.text.sentences
        ids = generate_ids(
            self.network, begun.ids, settings, device, ends=ends, not_next=begun.not_next
        )
        made_up = settings.prefix
        with suppress(RunError):  # of weights that have diverged, the perplexity says so
            made_up = "".join(self.text.continuation(begun, ids))
        figures = {name: getattr(score, name) for name in EXTRA_SCORES}
        return Validation(score.nats / score.tokens, figures, [{"made up": made_up}])


class SentenceLearner(NamedTuple):
    """A language model of whole sentences as one update sees it."""

    network: LanguageNetwork
    settings: TrainingSettings

    def loss(
        self, batch: SentenceBatch, *, rate: float, device: torch.device, generator: torch.Generator
    ) -> Loss:
        """Cross-entropy on real tokens, from a state of zeros."""
        first = self.network.start(len(batch.inputs))
        batch = batch.to(device)
        return loss_and_state(self.network, batch, first, self.settings, rate, generator)[0]


def loss_and_state(
    network: LanguageNetwork,
    batch: Window | SentenceBatch,
    state: DecoderState,
    settings: TrainingSettings,
    rate: float,
    generator: torch.Generator,
) -> tuple[Loss, DecoderState]:
    """The cross-entropy of a batch that begins with a state, and the state at its end."""
    values, state = pre_logits_with_sampling(
        network.decoder,
        state,
        batch.inputs,
        rate=rate,
        settings=settings.sampling,
        generator=generator,
    )
    lengths = batch.lengths if isinstance(batch, SentenceBatch) else None
    every = torch.full((len(values),), values.shape[1]) if lengths is None else lengths
    loss = output_cross_entropy(
        drop_padding(values, every),
        network.decoder.output,
        drop_padding(batch.targets, every),
        settings.label_smoothing,
    )
    return loss, state


def make_sentence_batch(rows: Sequence[Sequence[int]]) -> SentenceBatch:
    """A batch of rows that begin with bos and end with eos."""
    inputs, _ = pad([row[:-1] for row in rows])
    targets, lengths = pad([row[1:] for row in rows])
    return SentenceBatch(inputs, targets, lengths)
