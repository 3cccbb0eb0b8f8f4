"""One run from its description: corpus, tokenizers, vocabularies, model, training.

A recipe fills in an `Experiment`, brings its corpora, and calls `train`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import torch

from seq2seq.config.arguments import describe_value
from seq2seq.config.base import raise_problems
from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.batching import Batch
from seq2seq.data.filters.base import PairFilter
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.data.readers.headers import as_column
from seq2seq.errors import DataError, SettingsError
from seq2seq.models.freezing import describe_frozen, freeze
from seq2seq.models.translation import build_translation_model
from seq2seq.runs.checkpoint import named_weights
from seq2seq.runs.directory import SIDES
from seq2seq.runs.metadata import summarize_text
from seq2seq.runs.run import Run
from seq2seq.training.dry_run import TrainingPlan
from seq2seq.training.launch import launch
from seq2seq.training.memory import check_model_fits
from seq2seq.training.preflight import NO_TRAINING_TEXT, preflight
from seq2seq.training.reporting import log_line
from seq2seq.training.shown_tokens import translation_history
from seq2seq.translation.filters import make_filters
from seq2seq.translation.initialization import (
    encode_corpus,
    initialize,
    make_pipelines,
    with_parent_settings,
)
from seq2seq.translation.shortlist import count_shortlist
from seq2seq.translation.task import TranslationTask


def train(
    experiment: Experiment,
    corpora: Corpora | tuple[ParallelCorpus, ParallelCorpus] | None = None,
) -> str:
    """Trains, or continues, the run that `experiment` describes.

    Args:
        experiment: the whole description.
        corpora: training and validation text, where `experiment.data` does not name another.

    Returns:
        Why training ended, in words: "interrupted" if the user stopped it, `DRY_RUN`
        of `seq2seq.training.dry_run` if it was only shown.

    Raises:
        Seq2SeqError: anything that the user can set right.
    """
    Experiment.check_is_one(experiment, "train")
    given = None if corpora is None else check_corpora(corpora)
    experiment, problems = with_parent_settings(experiment)
    run = preflight(experiment, text_given=given is not None, problems=problems)
    corpora = read_corpora(experiment.data, experiment.seed, given, experiment.device)
    for part in corpora:
        log_line(str(part.report))
    log_line(overlap_line(corpora))
    experiment = replace(experiment, about=experiment.about.or_else(corpora.train.about))
    if str(experiment.about):
        log_line(f"about the model: {experiment.about} (--about.… says otherwise)")
    stored = Run(run.path) if experiment.resume else None
    if stored:
        encoded = encode_corpus(stored.pipelines(experiment.data.subword_sampling), corpora.train)
    else:
        encoded = make_pipelines(corpora.train, experiment.data, experiment.model)
        size = len(encoded[1].pipeline.vocab)
        raise_problems(experiment.decoding.too_many(size, f"{size:,} tokens"))
        for symbol in experiment.data.special_symbols:
            if not any(side.pipeline.vocab.count(symbol) for side in encoded):
                log_line(f"note: the special symbol {symbol} does not occur in the training text")
    source, target = (side.pipeline for side in encoded)
    torch.manual_seed(experiment.seed)
    with check_model_fits():
        model = build_translation_model(len(source.vocab), len(target.vocab), experiment.model)
    if experiment.training.freeze:
        freeze(model, experiment.training.freeze)
        log_line(describe_frozen(model))
    given_names = [] if stored else initialize(model, experiment.model, source.vocab, target.vocab)
    task = TranslationTask(model, corpora, *encoded, experiment)
    plan = plan_training(task, corpora)
    if experiment.training.l2_to_initial:
        weights = named_weights(model)
        plan = plan._replace(initial={name: weights[name].detach().clone() for name in given_names})
    return launch(plan, experiment, run, stored)


def check_corpora(given: object) -> Corpora:
    """Training and validation text as it was handed over; SettingsError if it is something else."""
    if isinstance(given, tuple | list) and len(given) == 2:
        train, validation = given
        if isinstance(train, ParallelCorpus) and isinstance(validation, ParallelCorpus):
            for name, corpus in (("training", train), ("validation", validation)):
                if not len(corpus):
                    raise DataError(f"the {name} text has no pairs")
            return Corpora(train, validation)
    raise SettingsError(
        f"corpora is {describe_value(given)}: give two of them, as Corpora(train, validation); "
        "validation text is set aside with corpus.split_by_source(validation=500, test=0, seed=1)"
    )


def overlap_line(corpora: Corpora) -> str:
    """How much of the validation text stands in the training text, in words."""
    return f"training and validation: {corpora.train.overlap(corpora.validation)}"


def plan_training(task: TranslationTask, corpora: Corpora) -> TrainingPlan[Batch]:
    """What is trained, and what there is to say of its text."""
    source, target = task.source.vocab, task.target.vocab
    kept, limit = len(task.corpora.train), task.experiment.data.max_length
    details = [
        *(str(part.report) for part in corpora),
        overlap_line(corpora),
        f"{len(corpora.train) - kept:,} training pairs left out for more than {limit} tokens on a "
        f"side, {kept:,} kept, with {sum(map(len, task.source_ids)):,} source and "
        f"{sum(map(len, task.target_ids)):,} target tokens",
        f"vocabularies of {len(source):,} source and {len(target):,} target tokens",
    ]
    return TrainingPlan(
        task.model,
        task,
        {
            name: summarize_text([corpus.sources, corpus.targets], corpus.report.read)
            for name, corpus in corpora._asdict().items()
        },
        dict(zip(SIDES, (task.source, task.target), strict=True)),
        f"{kept:,} training pairs, vocabularies of {len(source):,} and {len(target):,}",
        details,
        {"source": source, "target_input": target, "target_output": target},
        partial(translation_history, task.model, target),
        partial(
            count_shortlist,
            task.source_ids,
            task.target_ids,
            (len(source), len(target)),
            target.ids([*task.target.tokenizer.special_symbols]),
        ),
    )


def read_corpora(
    settings: DataSettings, seed: int, given: Corpora | None = None, device: str = "auto"
) -> Corpora:
    """The text that the settings name, cleaned; where they name none, what is given.

    Filters are for the training text alone. Models among them compute on `device`.

    If there is no validation text at all, some is set aside from the training text.
    """
    columns = as_column(settings.source), as_column(settings.target)
    filters = make_filters(settings.filters, source=columns[0], target=columns[1], device=device)
    if settings.train:
        train = read_corpus(settings, settings.train, settings.train_target, "train", filters)
    elif given:
        train = given.train.clean(filters=filters)
    else:
        raise SettingsError(NO_TRAINING_TEXT)
    if settings.validation:
        path, target_path = settings.validation, settings.validation_target
        return Corpora(train, read_corpus(settings, path, target_path, "validation"))
    if given:
        return Corpora(train, given.validation)
    sources = len(train.references()[0])
    if sources <= settings.validation_size:
        raise DataError(
            f"{settings.train} has {sources:,} different source sentences, and "
            f"{settings.validation_size:,} are to be set aside for validation: give "
            "--data.validation FILE or a smaller --data.validation-size"
        )
    log_line(str(train.report))
    if sources < 2 * settings.validation_size:
        log_line(
            f"note: {settings.validation_size:,} of {sources:,} source sentences are set aside for "
            "validation, which leaves fewer to train on: a smaller --data.validation-size, as "
            f"{max(sources // 10, 1)}, or --data.validation FILE is better"
        )
    rest, validation, _ = train.split_by_source(
        validation=settings.validation_size, test=0, seed=seed
    )
    return Corpora(rest, validation)


def read_corpus(
    settings: DataSettings,
    path: str,
    target_path: str,
    split: str,
    filters: Sequence[PairFilter] = (),
) -> ParallelCorpus:
    """One part of the text that the settings name, cleaned."""
    corpus = ParallelCorpus.read(
        path,
        target_path or None,
        source=as_column(settings.source),
        target=as_column(settings.target),
        split=split,
    )
    return corpus.clean(filters=filters)
