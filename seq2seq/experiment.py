"""One run from its description: corpus, tokenizers, vocabularies, model, training.

A recipe fills in an `Experiment`, brings its corpora, and calls `train`.
"""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import torch

import seq2seq
from seq2seq.decoding.search import search
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.evaluation.translation import bleu
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.settings import DataSettings, DecodingSettings, Experiment, from_dict, to_dict
from seq2seq.text.batching import Batch, bucket, make_batch
from seq2seq.text.corpus import ParallelCorpus
from seq2seq.text.pipeline import TextPipeline, build_pipelines
from seq2seq.text.tokenizers import load_tokenizer, seed_sampling
from seq2seq.text.vocab import Vocab
from seq2seq.training.checkpoint import (
    RunDirectory,
    load_tensors,
    load_weights,
    read_json,
    write_atomically,
    write_json,
)
from seq2seq.training.forcing import features
from seq2seq.training.loss import Loss, cross_entropy, real_tokens
from seq2seq.training.progress import say
from seq2seq.training.trainer import Trainer, Validation

FORMAT = "seq2seq run 1"
SAMPLES = 3
"""How many translations a validation shows."""

ExperimentT = TypeVar("ExperimentT", bound=Experiment)


class Corpora(NamedTuple):
    """What a training reads: no sentence of `validation` should be in `train`."""

    train: ParallelCorpus
    validation: ParallelCorpus


class TranslationTask:
    """Training a translation model, as the trainer sees it."""

    def __init__(
        self,
        model: TranslationModel,
        corpora: Corpora,
        source: TextPipeline,
        target: TextPipeline,
        experiment: Experiment,
    ) -> None:
        self.model = model
        self.source = source
        self.target = target
        self.experiment = experiment
        self.corpora = corpora._replace(train=self.without_long(corpora.train))
        self.current: tuple[int, list[Batch]] | None = None
        self.validation_sources = source.encode(self.corpora.validation.sources)
        self.validation_targets = target.encode(self.corpora.validation.targets)

    def without_long(self, corpus: ParallelCorpus) -> ParallelCorpus:
        """The training pairs within the length limit, in tokens; reports what is dropped."""
        limit = self.experiment.data.max_length
        self.source_ids = self.source.encode(corpus.sources)
        self.target_ids = self.target.encode(corpus.targets)
        kept = [
            index
            for index, (source, target) in enumerate(
                zip(self.source_ids, self.target_ids, strict=True)
            )
            if max(len(source), len(target)) <= limit
        ]
        dropped = len(corpus) - len(kept)
        if dropped:
            say(
                f"{dropped:,} training pairs have more than {limit} tokens on a side and are left "
                "out (--data.max-length)"
            )
        if not kept:
            raise DataError(f"no training pair has at most {limit} tokens on both sides")
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
            train = self.corpora.train
            sources = self.source.encode(train.sources, sample=True)
            targets = self.target.encode(train.targets, sample=True)
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
        values = features(
            self.model.decoder,
            self.model.start(batch.source, batch.source_lengths),
            batch.target_input,
            rate=rate,
            settings=settings.sampling,
            generator=generator,
        )
        logits = self.model.decoder.logits(real_tokens(values, batch.target_lengths))
        targets = real_tokens(batch.target_output, batch.target_lengths)
        return cross_entropy(logits, targets, settings.label_smoothing)

    @torch.no_grad()
    def validate(self, device: torch.device) -> Validation:
        """Likelihood with teacher forcing, and BLEU of greedy translations, on the whole text."""
        sources, targets = self.validation_sources, self.validation_targets
        nats, tokens = 0.0, 0
        budget = self.experiment.training.batch_tokens
        for chosen in bucket([len(s) for s in sources], [len(t) for t in targets], budget):
            batch = make_batch([sources[i] for i in chosen], [targets[i] for i in chosen])
            batch = batch.to(device)
            values = self.model(batch.source, batch.source_lengths, batch.target_input)
            logits = self.model.decoder.logits(real_tokens(values, batch.target_lengths))
            loss = cross_entropy(logits, real_tokens(batch.target_output, batch.target_lengths))
            nats, tokens = nats + float(loss.likelihood), tokens + loss.tokens
        greedy = DecodingSettings(beam_size=1, batch_size=256)
        hypotheses = [
            self.target.decode(found[0].tokens)
            for found in search(self.model, sources, greedy, device)
        ]
        pairs = self.corpora.validation
        references, lowercase = pairs.targets, self.experiment.data.lowercase
        samples = [
            {"source": pair.source, "reference": pair.target, "hypothesis": hypothesis}
            for pair, hypothesis in zip(pairs[:SAMPLES], hypotheses, strict=False)
        ]
        score = bleu(hypotheses, references, lowercase=lowercase).score
        return Validation(nats / tokens, score, samples)


def train(experiment: Experiment, corpora: Corpora | None = None) -> str:
    """Trains, or continues, the run that `experiment` describes.

    Args:
        experiment: the whole description.
        corpora: training and validation text; None reads what `experiment.data` names.

    Returns:
        Why training ended, in words: "interrupted" if the user stopped it.

    Raises:
        Seq2SeqError: anything that the user can set right.
    """
    if not experiment.run:
        raise SettingsError("no run directory: give --run DIR")
    budget = experiment.training
    if budget.minutes is None and budget.epochs is None and budget.max_steps is None:
        raise SettingsError(
            "no budget: give --training.minutes, --training.epochs or --training.max-steps"
        )
    run = RunDirectory(experiment.run)
    if experiment.resume:
        run.check_exists()
    elif run.path.exists() and not experiment.overwrite:
        run.create(overwrite=False)  # an error before any data is read
    if corpora is None:
        corpora = read_corpora(experiment.data, experiment.seed)
    for part in corpora:
        say(str(part.report))
    say(f"training and validation: {corpora.train.overlap(corpora.validation)}")
    if experiment.resume:
        source, target = load_pipelines(run, experiment.data)
    else:
        source, target = build_pipelines(
            corpora.train.sources, corpora.train.targets, experiment.data
        )
        run.create(overwrite=experiment.overwrite)
        save_pipelines(run, source, target)
    save_experiment(run, experiment)
    torch.manual_seed(experiment.seed)
    model = build_model(experiment, source.vocab, target.vocab)
    task = TranslationTask(model, corpora, source, target, experiment)
    trainer = Trainer(
        model,
        task,
        experiment.training,
        run,
        seed=experiment.seed,
        device=experiment.device,
        resume=experiment.resume,
    )
    say(
        f"{len(task.corpora.train):,} training pairs, vocabularies of {len(source.vocab):,} and "
        f"{len(target.vocab):,}, {count_weights(model):,} weights, {trainer.device} in "
        f"{str(trainer.precision).removeprefix('torch.')} with {torch.get_num_threads()} threads"
    )
    reason = trainer.train()
    say(
        f"Training ended after {trainer.position.step:,} steps: {reason}. "
        f"The run is in {run.path}"
        + (f"; continue it with --run {run.path} --resume" if reason == "interrupted" else "")
    )
    return reason


def count_weights(model: torch.nn.Module) -> int:
    """How many numbers are learned; tied ones count once."""
    return sum(weight.numel() for weight in model.parameters())


def read_corpora(settings: DataSettings, seed: int) -> Corpora:
    """The text that the settings name, cleaned; validation text is set aside if none is named."""
    if not settings.train:
        raise SettingsError("no training text: give --data.train FILE")

    def read(path: str, target_path: str, split: str) -> ParallelCorpus:
        return ParallelCorpus.read(
            path,
            target_path or None,
            source=column(settings.source),
            target=column(settings.target),
            split=split,
        ).clean()

    train = read(settings.train, settings.train_target, "train")
    if settings.validation:
        validation = read(settings.validation, settings.validation_target, "validation")
        return Corpora(train, validation)
    sources = len(train.references()[0])
    if sources <= settings.validation_size:
        raise DataError(
            f"{settings.train} has {sources:,} different source sentences, and "
            f"{settings.validation_size:,} are to be set aside for validation: give "
            "--data.validation FILE or a smaller --data.validation-size"
        )
    rest, validation, _ = train.split_by_source(
        validation=settings.validation_size, test=0, seed=seed
    )
    return Corpora(rest, validation)


def column(name: str) -> str | int | None:
    """A column as the settings spell it: a name, a number, or nothing."""
    return int(name) if name.isdecimal() else name or None


def build_model(experiment: Experiment, source: Vocab, target: Vocab) -> TranslationModel:
    """The network that the experiment describes, with fresh weights."""
    settings = to_dict(experiment.model)
    return build_translation_model(len(source), len(target), **settings)


def save_pipelines(run: RunDirectory, source: TextPipeline, target: TextPipeline) -> None:
    """Writes tokenizers and vocabularies of both sides."""
    for side, pipeline in (("source", source), ("target", target)):
        write_atomically(run.tokenizer(side), pipeline.tokenizer.save)
        write_atomically(run.vocab(side), pipeline.vocab.save)


def load_pipelines(run: RunDirectory, settings: DataSettings) -> tuple[TextPipeline, TextPipeline]:
    """What `save_pipelines` wrote."""
    source, target = (load_pipeline(run, side, settings) for side in ("source", "target"))
    return source, target


def load_pipeline(run: RunDirectory, side: str, settings: DataSettings) -> TextPipeline:
    """One side of a run; RunError if its files are missing or damaged."""
    for path in (run.tokenizer(side), run.vocab(side)):
        if not path.is_file():
            raise RunError(f"{path} is missing: {run.path} is not a complete run")
    try:
        tokenizer = load_tokenizer(run.tokenizer(side))
        vocab = Vocab.load(run.vocab(side))
    except DataError as error:
        raise RunError(str(error)) from error
    if settings.subword_sampling and hasattr(tokenizer, "alpha"):
        tokenizer.alpha = settings.subword_sampling
    return TextPipeline(tokenizer, vocab)


def save_experiment(run: RunDirectory, experiment: Experiment) -> None:
    """Writes the description of the run, with the versions that made it."""
    own = {item.name for item in dataclasses.fields(Experiment)}
    values = to_dict(experiment)
    # Where a run lies and how its training was started is no part of what it is.
    for name in ("run", "resume", "overwrite", "device"):
        del values[name]
    write_json(
        run.experiment,
        {
            "format": FORMAT,
            "versions": {
                "seq2seq": seq2seq.__version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
            "experiment": {name: value for name, value in values.items() if name in own},
            "recipe": {name: value for name, value in values.items() if name not in own},
        },
    )


def load_experiment(run: RunDirectory, kind: type[ExperimentT]) -> ExperimentT:
    """What `save_experiment` wrote, as `Experiment` or as a recipe's own kind of it.

    Raises:
        RunError: there is no run, or its description is damaged or of another version.
    """
    run.check_exists()
    values = read_json(run.experiment)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise RunError(f"{run.experiment} is not a description of the format {FORMAT!r}")
    fields: Any = values.get("experiment")
    if kind is not Experiment and isinstance(fields, dict):
        fields = {**fields, **values.get("recipe", {})}
    try:
        return replace(from_dict(kind, fields), run=str(run.path))
    except SettingsError as error:
        raise RunError(f"{run.experiment}: {error}") from error


def load_model(
    run: RunDirectory, experiment: Experiment, source: Vocab, target: Vocab
) -> TranslationModel:
    """The model with its best weights, or its last ones if no validation has chosen any yet."""
    model = build_model(experiment, source, target)
    if run.best.is_file() or not run.last.is_file():
        load_weights(model, load_tensors(run.best)[0], run.best)
        return model
    tensors = {
        name.removeprefix("model."): tensor
        for name, tensor in load_tensors(run.last)[0].items()
        if name.startswith("model.")
    }
    load_weights(model, tensors, run.last)
    return model
