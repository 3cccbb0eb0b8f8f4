"""A translation model as the trainer sees it: its batches, its loss, its validation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.wording import counted
from seq2seq.data.batching import Batch, bucket, make_batch
from seq2seq.data.buckets import BatchLimits, EpochBatches
from seq2seq.data.mixing import Mix
from seq2seq.data.noise import SourceNoise
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.data.prepared import PreparedText, Size
from seq2seq.data.tokenizers.pipeline import EncodedText, TextPipeline
from seq2seq.data.tokenizers.sentencepiece import seed_sampling
from seq2seq.decoding.search import search
from seq2seq.errors import DataError
from seq2seq.evaluation.metrics import METRICS, has_no_ngrams, score
from seq2seq.models.translation import TranslationModel
from seq2seq.training.loss import Loss, cross_entropy, drop_padding
from seq2seq.training.reporting import log_line
from seq2seq.training.task import Validation, check_batch_tokens
from seq2seq.translation.learner import TranslationLearner

SAMPLES_SHOWN = 3
"""How many translations a validation shows."""


class ValidationSet(NamedTuple):
    """Validation text, and its sides as ids."""

    text: ParallelCorpus
    sources: list[list[int]]
    targets: list[list[int]]


class SetScores(NamedTuple):
    """What a validation finds on one set: nats per token, scores by name, and translations."""

    loss: float
    scores: dict[str, float]
    hypotheses: list[str]


class TranslationTask:
    """Training a translation model, as the trainer sees it.

    Args:
        model: to be trained.
        corpora: training and validation text.
        source: the source side of the training text as ids, and its pipeline.
        target: the target side.
        experiment: the whole description.
        more_sets: validation sets beside that of `corpora`, which decides about the best weights.
        mix: in which shares the corpora in the training text are learned from; None: all alike.
        prepared: the training text, where it is read while the model trains; then `corpora` and
            the sides have none.
    """

    def __init__(
        self,
        model: TranslationModel,
        corpora: Corpora,
        source: EncodedText,
        target: EncodedText,
        experiment: Experiment,
        *,
        more_sets: Sequence[ParallelCorpus] = (),
        mix: Mix | None = None,
        prepared: PreparedText | None = None,
    ) -> None:
        self.model = model
        self.source, self.source_ids = source
        self.target, self.target_ids = target
        self.experiment = experiment
        self.mix = mix
        self.prepared = prepared
        if prepared:
            self.check_lengths(prepared)
            self.corpora = corpora
        else:
            self.corpora = corpora._replace(train=self.without_long(corpora.train))
        texts = prepared.some_sources() if prepared else self.corpora.train.sources
        sizes = self.mix.sizes if self.mix else ()
        self.noise = SourceNoise(experiment.data, texts, sizes, self.source)
        self.current: tuple[int, Sequence[Batch]] | None = None
        self.drawn: list[list[int]] = []
        self.sets = [
            ValidationSet(text, self.source.encode(text.sources), self.target.encode(text.targets))
            for text in (corpora.validation, *more_sets)
        ]
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

    def check_lengths(self, prepared: PreparedText) -> None:
        """Reports how many pairs of prepared text are too long; DataError if none is left."""
        limit = self.max_length
        self.report_long(prepared.size().pairs - prepared.size(limit).pairs)
        self.check_left({n: size.pairs for n, size in prepared.by_length.items() if n <= limit})

    @property
    def max_length(self) -> int:
        """The most tokens on a side of a training pair."""
        return self.experiment.data.max_length

    def report_long(self, dropped: int) -> None:
        """Says how many training pairs are left out."""
        if dropped:
            pairs, limit = counted(dropped, "training pair"), self.max_length
            log_line(f"{pairs} left out for more than {limit} tokens on a side (--data.max-length)")

    def check_left(self, lengths: Sequence[int] | Mapping[int, int]) -> None:
        """Raises DataError if no pair is left, and as `check_batch_tokens`."""
        if not lengths:
            raise DataError(f"no training pair has at most {self.max_length} tokens on both sides")
        check_batch_tokens(lengths, self.experiment.training.batch_tokens)

    def training_size(self) -> Size:
        """How many pairs and tokens an epoch has, without what is too long."""
        if self.prepared:
            return self.prepared.size(self.max_length)
        tokens = (sum(map(len, side)) for side in (self.source_ids, self.target_ids))
        return Size(len(self.source_ids), *tokens)

    def training_ids(self, most: int) -> tuple[list[list[int]], list[list[int]]]:
        """The ids of both sides of the training text; of prepared text about so many at most."""
        if self.prepared:
            return self.prepared.some(most, self.max_length)
        return self.source_ids, self.target_ids

    def without_long(self, corpus: ParallelCorpus) -> ParallelCorpus:
        """The training pairs within the length limit, in tokens; reports what is dropped."""
        limit = self.max_length
        kept = [
            index
            for index, (source, target) in enumerate(
                zip(self.source_ids, self.target_ids, strict=True)
            )
            if max(len(source), len(target)) <= limit
        ]
        self.report_long(len(corpus) - len(kept))
        self.check_left(
            [max(len(self.source_ids[index]), len(self.target_ids[index])) for index in kept]
        )
        if self.mix:
            self.mix = self.mix.keep(kept)
            for name, size in zip(self.mix.names, self.mix.sizes, strict=True):
                if not size:
                    raise DataError(
                        f"--data.mix: no pair of {name} has at most {limit} tokens on both sides"
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
            make = self.stream_batches if self.prepared else self.make_batches
            self.current = (epoch, make(epoch))
        return self.current[1]

    def stream_batches(self, epoch: int) -> Sequence[Batch]:
        """The batches of prepared text, which are made as they are needed."""
        assert self.prepared
        limits = BatchLimits(self.experiment.training.batch_tokens, self.max_length)
        segment = self.segment if self.prepared.is_text else None
        return EpochBatches(self.prepared, limits, self.experiment.seed, epoch, segment)

    def segment(
        self, sources: list[str], targets: list[str], seed: int
    ) -> tuple[list[list[int]], list[list[int]]]:
        """The ids of some pairs; noise and segmentation are drawn where the settings say so."""
        seed_sampling(seed)
        data, noise, places = self.experiment.data, self.noise.of(sources), range(len(sources))
        sources, source, target = noise.noisy_texts(places, seed), None, None
        if data.subword_sampling:
            source = sample_segmentation(self.source, sources)
            if data.sampled_side == "both":
                target = sample_segmentation(self.target, targets)
        ids = noise.noisy_ids(source or self.source.encode(sources), places, seed)
        return ids, target or self.target.encode(targets)

    def make_batches(self, epoch: int) -> Sequence[Batch]:
        """Draws from the mix, segments anew where text is random, buckets by length, pads."""
        seed = self.experiment.seed * 1_000_003 + epoch
        chosen: Sequence[int] = range(len(self.source_ids))
        if self.mix:
            chosen = self.mix.draw(epoch, self.experiment.seed)
        sources = [self.source_ids[index] for index in chosen]
        targets = [self.target_ids[index] for index in chosen]
        train, texts = self.corpora.train, self.noise.noisy_texts(chosen, seed)
        if self.noise:
            sources = self.source.encode(texts)
        if self.experiment.data.subword_sampling:
            seed_sampling(seed)
            sources = sample_segmentation(self.source, texts) or sources
            if self.experiment.data.sampled_side == "both":
                texts = [train.targets[index] for index in chosen]
                targets = sample_segmentation(self.target, texts) or targets
        sources = self.noise.noisy_ids(sources, chosen, seed)
        buckets = bucket(
            [len(ids) for ids in sources],
            [len(ids) for ids in targets],
            self.experiment.training.batch_tokens,
            torch.Generator().manual_seed(seed),
        )
        self.drawn = [[chosen[place] for place in places] for places in buckets]
        return [
            make_batch([sources[place] for place in places], [targets[place] for place in places])
            for places in buckets
        ]

    def seen(self, epoch: int, batch: int) -> dict[str, Any]:
        """How many pairs of each corpus of a mix were learned from, and how often each pair was."""
        if not self.mix:
            return {}
        counts = self.mix.drawn(epoch)
        if batch:
            self.batches(epoch)
            now = self.mix.count([*chain.from_iterable(self.drawn[:batch])])
            counts = [before + more for before, more in zip(counts, now, strict=True)]
        corpora = zip(self.mix.names, counts, self.mix.sizes, strict=True)
        return {
            "seen": {name: {"pairs": count, "times": count / size} for name, count, size in corpora}
        }

    def share_lines(self) -> Iterator[str]:
        """How much of each corpus of a mix an epoch has."""
        if self.mix:
            for corpus, size, share, pairs in zip(
                self.experiment.data.mix,
                self.mix.sizes,
                self.mix.shares,
                self.mix.drawn(1),
                strict=True,
            ):
                yield (
                    f"{corpus.name}{' ' * bool(corpus.tag)}{corpus.tag}: "
                    f"{counted(size, 'training pair')}, {share:.1%} of each epoch: {pairs:,}, "
                    f"{pairs / size:.2f} times through"
                )

    def loss(
        self, batch: Batch, *, rate: float, device: torch.device, generator: torch.Generator
    ) -> Loss:
        """See `TranslationLearner`."""
        learner = TranslationLearner(self.model, self.experiment.training)
        return learner.loss(batch, rate=rate, device=device, generator=generator)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """Nothing: sentences stand by themselves."""
        return {}

    def load_state_dict(self, tensors: dict[str, torch.Tensor]) -> None:
        """Nothing: see `state_dict`."""

    def validate(self, device: torch.device) -> Validation:
        """Scores on all validation sets, of which the first decides about the best weights."""
        first, *others = results = [self.validate_on(each, device) for each in self.sets]
        pairs = self.corpora.validation
        samples = [
            {"source": pair.source, "reference": pair.target, "hypothesis": hypothesis}
            for pair, hypothesis in zip(pairs[:SAMPLES_SHOWN], first.hypotheses, strict=False)
        ]
        figures: dict[str, Any] = {**first.scores}
        if others:
            figures["sets"] = {
                each.text.name: {"loss": result.loss, **result.scores}
                for each, result in zip(self.sets, results, strict=True)
            }
        best_by = None
        if metric := METRICS.get(self.best_by):
            best_by = first.scores[self.best_by] * (1 if metric.higher_is_better else -1)
        return Validation(first.loss, figures, samples, best_by)

    @torch.no_grad()
    def validate_on(self, text: ValidationSet, device: torch.device) -> SetScores:
        """Likelihood with teacher forcing, and scores of greedy translations, on a whole set."""
        sources, targets = text.sources, text.targets
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
        return SetScores(nats / tokens, self.score(hypotheses, text.text.targets), hypotheses)

    def score(self, hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """BLEU of translations of validation text, and the score that chooses the best."""
        tokenize, lowercase = self.experiment.tokenize, self.experiment.data.lowercase
        return {
            name: score(metric.build(tokenize, lowercase), hypotheses, references).score
            for name, metric in METRICS.items()
            if name in ("bleu", self.best_by)
        }


def sample_segmentation(pipeline: TextPipeline, texts: Sequence[str]) -> list[list[int]] | None:
    """Ids of a random segmentation of each text; None if there is no other than the usual one."""
    return pipeline.encode(texts, sample=True) if pipeline.tokenizer.can_sample else None
