"""A translation model as the trainer sees it: its batches, its loss, its validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.batching import Batch, bucket, make_batch
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.data.tokenizers.pipeline import EncodedText, TextPipeline
from seq2seq.data.tokenizers.sentencepiece import seed_sampling
from seq2seq.decoding.search import search
from seq2seq.errors import DataError
from seq2seq.evaluation.metrics import METRICS, has_no_ngrams, score
from seq2seq.models.translation import TranslationModel
from seq2seq.training.loss import Loss, cross_entropy, drop_padding, output_cross_entropy
from seq2seq.training.reporting import log_line
from seq2seq.training.scheduled_sampling import pre_logits_with_sampling
from seq2seq.training.task import Validation, check_batch_tokens

SAMPLES_SHOWN = 3
"""How many translations a validation shows."""


class TranslationTask:
    """Training a translation model, as the trainer sees it.

    Args:
        model: to be trained.
        corpora: training and validation text.
        source: the source side of the training text as ids, and its pipeline.
        target: the target side.
        experiment: the whole description.
    """

    def __init__(
        self,
        model: TranslationModel,
        corpora: Corpora,
        source: EncodedText,
        target: EncodedText,
        experiment: Experiment,
    ) -> None:
        self.model = model
        self.source, self.source_ids = source
        self.target, self.target_ids = target
        self.experiment = experiment
        self.corpora = corpora._replace(train=self.without_long(corpora.train))
        self.current: tuple[int, list[Batch]] | None = None
        self.validation_sources = self.source.encode(self.corpora.validation.sources)
        self.validation_targets = self.target.encode(self.corpora.validation.targets)
        self.best_by = self.choose_best_by()

    def choose_best_by(self) -> str:
        """The score that chooses the best weights: chrF where the settings' BLEU is always 0."""
        experiment = self.experiment
        chosen = experiment.training.best_by
        if chosen == "bleu" and has_no_ngrams(
            self.corpora.validation.targets, tokenize=experiment.tokenize
        ):
            log_line(
                "no validation reference has four words, so that BLEU is of no use here: the best "
                "weights are chosen by chrF (--training.best-by chrf)"
            )
            return "chrf"
        return chosen

    def without_long(self, corpus: ParallelCorpus) -> ParallelCorpus:
        """The training pairs within the length limit, in tokens; reports what is dropped."""
        limit = self.experiment.data.max_length
        kept = [
            index
            for index, (source, target) in enumerate(
                zip(self.source_ids, self.target_ids, strict=True)
            )
            if max(len(source), len(target)) <= limit
        ]
        dropped = len(corpus) - len(kept)
        if dropped:
            log_line(
                f"{dropped:,} training pairs have more than {limit} tokens on a side and are left "
                "out (--data.max-length)"
            )
        if not kept:
            raise DataError(f"no training pair has at most {limit} tokens on both sides")
        check_batch_tokens(
            [max(len(self.source_ids[index]), len(self.target_ids[index])) for index in kept],
            self.experiment.training.batch_tokens,
        )
        self.source_ids = [self.source_ids[index] for index in kept]
        self.target_ids = [self.target_ids[index] for index in kept]
        return replace(
            corpus,
            sources=[corpus.sources[index] for index in kept],
            targets=[corpus.targets[index] for index in kept],
        )

    def batches(self, epoch: int) -> Sequence[Batch]:
        """The batches of an epoch, shuffled by (seed, epoch)."""
        if self.current is None or self.current[0] != epoch:
            self.current = (epoch, self.make_batches(epoch))
        return self.current[1]

    def make_batches(self, epoch: int) -> list[Batch]:
        """Segments anew where that is random, buckets by length, pads."""
        seed = self.experiment.seed * 1_000_003 + epoch
        sources, targets = self.source_ids, self.target_ids
        if self.experiment.data.subword_sampling:
            seed_sampling(seed)
            train, side = self.corpora.train, self.experiment.data.sampled_side
            sources = sample_segmentation(self.source, train.sources) or sources
            if side == "both":
                targets = sample_segmentation(self.target, train.targets) or targets
        buckets = bucket(
            [len(ids) for ids in sources],
            [len(ids) for ids in targets],
            self.experiment.training.batch_tokens,
            torch.Generator().manual_seed(seed),
        )
        return [
            make_batch([sources[index] for index in chosen], [targets[index] for index in chosen])
            for chosen in buckets
        ]

    def loss(
        self, batch: Batch, *, rate: float, device: torch.device, generator: torch.Generator
    ) -> Loss:
        """Cross-entropy on real tokens, with the history that scheduled sampling asks for."""
        batch = batch.to(device)
        settings = self.experiment.training
        values, _ = pre_logits_with_sampling(
            self.model.decoder,
            self.model.start(batch.source, batch.source_lengths),
            batch.target_input,
            rate=rate,
            settings=settings.sampling,
            generator=generator,
        )
        return output_cross_entropy(
            drop_padding(values, batch.target_lengths),
            self.model.decoder.output,
            drop_padding(batch.target_output, batch.target_lengths),
            settings.label_smoothing,
        )

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Nothing: sentences stand by themselves."""
        return {}

    def load_state_dict(self, tensors: dict[str, torch.Tensor]) -> None:
        """Nothing: see `state_dict`."""

    @torch.no_grad()
    def validate(self, device: torch.device) -> Validation:
        """Likelihood with teacher forcing, and scores of greedy translations, on all the text."""
        sources, targets = self.validation_sources, self.validation_targets
        nats, tokens = 0.0, 0
        budget = self.experiment.training.batch_tokens
        for chosen in bucket([len(s) for s in sources], [len(t) for t in targets], budget):
            batch = make_batch([sources[i] for i in chosen], [targets[i] for i in chosen])
            batch = batch.to(device)
            state = self.model.start(batch.source, batch.source_lengths)
            values, _ = self.model.decoder.sequence(batch.target_input, state)
            logits = self.model.decoder.logits(drop_padding(values, batch.target_lengths))
            loss = cross_entropy(logits, drop_padding(batch.target_output, batch.target_lengths))
            nats, tokens = nats + float(loss.likelihood), tokens + loss.tokens
        greedy = DecodingSettings(beam_size=1)
        cut = [source[: greedy.max_source_length] for source in sources]  # as a translator does
        hypotheses = [
            self.target.decode(found[0].tokens)
            for found in search([self.model], [cut], greedy, device)
        ]
        pairs = self.corpora.validation
        samples = [
            {"source": pair.source, "reference": pair.target, "hypothesis": hypothesis}
            for pair, hypothesis in zip(pairs[:SAMPLES_SHOWN], hypotheses, strict=False)
        ]
        scores = self.score(hypotheses)
        best_by = None
        if metric := METRICS.get(self.best_by):
            best_by = scores[self.best_by] * (1 if metric.higher_is_better else -1)
        return Validation(nats / tokens, scores, samples, best_by)

    def score(self, hypotheses: Sequence[str]) -> dict[str, float]:
        """BLEU of the validation text's translations, and the score that chooses the best."""
        tokenize, lowercase = self.experiment.tokenize, self.experiment.data.lowercase
        return {
            name: score(
                metric.build(tokenize, lowercase), hypotheses, self.corpora.validation.targets
            ).score
            for name, metric in METRICS.items()
            if name in ("bleu", self.best_by)
        }


def sample_segmentation(pipeline: TextPipeline, texts: Sequence[str]) -> list[list[int]] | None:
    """Ids of a random segmentation of each text; None if there is no other than the usual one."""
    return pipeline.encode(texts, sample=True) if pipeline.tokenizer.can_sample else None
