"""One run from its description: corpus, tokenizers, vocabularies, model, training.

A recipe fills in an `Experiment`, brings its corpora, and calls `train`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch

from seq2seq.config.base import raise_problems
from seq2seq.config.experiment import Experiment
from seq2seq.data.batching import Batch
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.models.freezing import describe_frozen, freeze
from seq2seq.models.translation import build_translation_model
from seq2seq.runs.checkpoint import named_weights
from seq2seq.runs.directory import SIDES
from seq2seq.runs.metadata import summarize_text
from seq2seq.runs.run import Run
from seq2seq.training.dry_run import TrainingPlan
from seq2seq.training.launch import launch
from seq2seq.training.memory import check_model_fits
from seq2seq.training.preflight import preflight
from seq2seq.training.reporting import log_line
from seq2seq.training.shown_tokens import translation_history
from seq2seq.translation.initialization import (
    encode_corpus,
    initialize,
    make_pipelines,
    with_parent_settings,
)
from seq2seq.translation.shortlist import count_shortlist
from seq2seq.translation.task import TranslationTask
from seq2seq.translation.text import TrainingText, check_corpora, read_text


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
    text = read_text(experiment.data, experiment.seed, given, experiment.device)
    corpora = text.corpora
    for line in text.lines():
        log_line(line)
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
        for symbol in experiment.data.symbols:
            ids = ((side.pipeline.vocab.ids(symbol), side.ids) for side in encoded)
            if not any(number in row for number, rows in ids for row in rows):
                log_line(f"note: the special symbol {symbol} does not occur in the training text")
    source, target = (side.pipeline for side in encoded)
    torch.manual_seed(experiment.seed)
    with check_model_fits():
        model = build_translation_model(len(source.vocab), len(target.vocab), experiment.model)
    if experiment.training.freeze:
        freeze(model, experiment.training.freeze)
        log_line(describe_frozen(model))
    given_names = [] if stored else initialize(model, experiment.model, source.vocab, target.vocab)
    task = TranslationTask(
        model, corpora, *encoded, experiment, more_sets=text.more_sets, mix=text.mix
    )
    for line in (*task.share_lines(), *task.noise.examples()):
        log_line(line)
    plan = plan_training(task, text)
    if experiment.training.l2_to_initial:
        weights = named_weights(model)
        plan = plan._replace(initial={name: weights[name].detach().clone() for name in given_names})
    return launch(plan, experiment, run, stored)


def plan_training(task: TranslationTask, text: TrainingText) -> TrainingPlan[Batch]:
    """What is trained, and what there is to say of its text."""
    source, target = task.source.vocab, task.target.vocab
    kept, limit = len(task.corpora.train), task.experiment.data.max_length
    corpora = text.corpora
    more = {f"validation {n}": corpus for n, corpus in enumerate(text.more_sets, 2)}
    details = [
        *text.lines(),
        *task.share_lines(),
        f"{len(corpora.train) - kept:,} training pairs left out for more than {limit} tokens on a "
        f"side, {kept:,} kept, with {sum(map(len, task.source_ids)):,} source and "
        f"{sum(map(len, task.target_ids)):,} target tokens",
        f"vocabularies of {len(source):,} source and {len(target):,} target tokens",
        *task.noise.examples(),
    ]
    return TrainingPlan(
        task.model,
        task,
        {
            name: summarize_text([corpus.sources, corpus.targets], corpus.report.read)
            for name, corpus in {**corpora._asdict(), **more}.items()
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
