"""One run from its description: corpus, tokenizers, vocabularies, model, training.

A recipe fills in an `Experiment`, brings its corpora, and calls `train`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from seq2seq.config.base import from_dict, raise_problems
from seq2seq.config.data import SUBWORDS
from seq2seq.config.experiment import Experiment
from seq2seq.config.wording import counted
from seq2seq.data.batching import Batch
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.data.prepared import PreparedText
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.models.freezing import describe_frozen, freeze
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.runs.checkpoint import named_weights
from seq2seq.runs.directory import SIDES
from seq2seq.runs.metadata import TextSummary, summarize_text
from seq2seq.runs.run import Run
from seq2seq.torchrun import follows
from seq2seq.training.dry_run import TrainingPlan
from seq2seq.training.follow import Following, follow_until_exit
from seq2seq.training.launch import launch, with_restart
from seq2seq.training.meeting import Meeting
from seq2seq.training.memory import check_model_fits
from seq2seq.training.preflight import preflight
from seq2seq.training.reporting import log_line
from seq2seq.training.shown_tokens import translation_history
from seq2seq.translation.fitted import assumed_seconds
from seq2seq.translation.initialization import (
    Sides,
    encode_corpus,
    initialize,
    make_pipelines,
    with_parent_settings,
)
from seq2seq.translation.learner import TranslationLearner
from seq2seq.translation.prepared_runs import find_prepared, with_prepared_tokens
from seq2seq.translation.shortlist import count_shortlist
from seq2seq.translation.task import TranslationTask
from seq2seq.translation.text import TrainingText, check_corpora, read_beside, read_text

PAIRS_FOR_SHORTLIST = 200_000
"""About so many pairs of prepared text make the shortlist."""
FEW_PAIRS = 500
"""From fewer a model learns some sentences by heart, and hardly how to translate others."""


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
        of `seq2seq.training.dry_run` if it was only shown. Of the processes of torchrun, one alone
        returns from here: the others end with it.

    Raises:
        Seq2SeqError: anything that the user can set right.
    """
    Experiment.check_is_one(experiment, "train")
    if follows():
        follow_until_exit(build_following)
    experiment = with_restart(experiment)
    given = None if corpora is None else check_corpora(corpora)
    experiment, problems = with_parent_settings(experiment)
    run = preflight(experiment, text_given=given is not None, problems=problems)
    prepared = None if given else find_prepared(experiment, run)
    if prepared:
        experiment = with_prepared_tokens(experiment, prepared)
        text = read_beside(prepared, experiment.data)
    else:
        text = read_text(experiment.data, experiment.seed, given, experiment.device)
    corpora = text.corpora
    experiment = replace(experiment, about=experiment.about.or_else(corpora.train.about))
    for line in (*text.lines(), *about_the_model(experiment)):
        log_line(line)
    stored = Run(run.path) if experiment.resume else None
    encoded = encode_training_text(experiment, corpora.train, stored or prepared)
    if not stored:
        size = len(encoded[1].pipeline.vocab)
        raise_problems(experiment.decoding.too_many(size, f"{size:,} tokens"))
    if not (stored or prepared):
        for line in absent_symbols(experiment, encoded):
            log_line(line)
    model, given_names = make_model(experiment, encoded)
    task = TranslationTask(
        model,
        corpora,
        *encoded,
        experiment,
        more_sets=text.more_sets,
        mix=text.mix,
        prepared=prepared,
    )
    for line in (*task.share_lines(), *few_pairs(task), *task.noise.examples()):
        log_line(line)
    plan = plan_training(task, text)
    if experiment.training.l2_to_initial:
        weights = named_weights(model)
        plan = plan._replace(initial={name: weights[name].detach().clone() for name in given_names})
    return launch(plan, experiment, run, stored)


def about_the_model(experiment: Experiment) -> Iterator[str]:
    """What will stand in the run about the model, if anything is known."""
    if str(experiment.about):
        yield f"about the model: {experiment.about} (--about.… says otherwise)"


def encode_training_text(
    experiment: Experiment, corpus: ParallelCorpus, has_tokens: Run | PreparedText | None
) -> Sides:
    """The training text in ids: of a run or prepared text that has tokens, or of new ones."""
    if has_tokens is None:
        return make_pipelines(corpus, experiment.data, experiment.model)
    return encode_corpus(has_tokens.pipelines(experiment.data.subword_sampling), corpus)


def absent_symbols(experiment: Experiment, encoded: Sides) -> Iterator[str]:
    """A note for each special symbol that no training sentence has."""
    for symbol in experiment.data.symbols:
        ids = ((side.pipeline.vocab.ids(symbol), side.ids) for side in encoded)
        if not any(number in row for number, rows in ids for row in rows):
            yield f"note: the special symbol {symbol} does not occur in the training text"


def make_model(experiment: Experiment, encoded: Sides) -> tuple[TranslationModel, list[str]]:
    """Returns a model, and the names of those of its weights that came from elsewhere.

    A resumed training fills in its own weights later.
    """
    source, target = (side.pipeline.vocab for side in encoded)
    torch.manual_seed(experiment.seed)
    with check_model_fits():
        model = build_translation_model(len(source), len(target), experiment.model)
    if experiment.training.freeze:
        freeze(model, experiment.training.freeze)
        log_line(describe_frozen(model))
    return model, [] if experiment.resume else initialize(model, experiment.model, source, target)


def few_pairs(task: TranslationTask) -> Iterator[str]:
    """What to say of a training that begins from nothing, on too little text to translate by."""
    pairs, experiment = task.training_size().pairs, task.experiment
    if pairs < FEW_PAIRS and not (experiment.resume or experiment.model.initialize):
        yield (
            f"note: only {counted(pairs, 'training pair')}, of which a model learns some by heart, "
            "and hardly to translate new sentences: give more, translate text of the target "
            "language back (recipes/low_resource.py), or begin with a trained run "
            "(--model.initialize RUN); recipes/own_text.md tells how"
        )


def exhausted(task: TranslationTask) -> str:
    """Says so where a text has given fewer pieces than were asked for."""
    data = task.experiment.data
    if data.vocabulary or task.experiment.model.initialize:
        return ""
    asked = (data.vocab_size, data.target_vocab_size or data.vocab_size)
    sides = zip(data.tokenizers, (task.source, task.target), asked, strict=True)
    few = any(kind in SUBWORDS and len(side.vocab) < size for kind, side, size in sides)
    return " (the text gives no more pieces)" if few else ""


def build_following(meeting: Meeting) -> Following[Batch]:
    """The model of a training that another process of torchrun has begun."""
    experiment = from_dict(Experiment, meeting.experiment)
    source, target = meeting.vocabularies
    model = build_translation_model(source, target, experiment.model)
    freeze(model, experiment.training.freeze)
    learner = TranslationLearner(model, experiment.training)
    return Following(model, learner, Batch, experiment.training)


def plan_training(task: TranslationTask, text: TrainingText) -> TrainingPlan[Batch]:
    """What is trained, and what there is to say of its text."""
    source, target = task.source.vocab, task.target.vocab
    kept, source_tokens, target_tokens = task.training_size()
    corpora, prepared = text.corpora, text.prepared
    read = prepared.size().pairs if prepared else len(corpora.train)
    more = {f"validation {n}": corpus for n, corpus in enumerate(text.more_sets, 2)}
    details = [
        *text.lines(),
        *task.share_lines(),
        *few_pairs(task),
        f"{counted(read - kept, 'training pair')} left out for more than {task.max_length} "
        f"tokens on a side, {kept:,} kept, with {source_tokens:,} source and {target_tokens:,} "
        "target tokens",
        f"vocabularies of {len(source):,} source and {len(target):,} target tokens",
        *task.noise.examples(),
    ]
    summaries = {
        name: summarize_text([corpus.sources, corpus.targets], corpus.report.read)
        for name, corpus in {**corpora._asdict(), **more}.items()
    }
    if prepared:
        summaries["train"] = TextSummary(prepared.key, read, prepared.report.read)

    def make_shortlist() -> Shortlist:
        always = target.ids([*task.target.tokenizer.special_symbols])
        ids = task.training_ids(PAIRS_FOR_SHORTLIST)
        return count_shortlist(*ids, (len(source), len(target)), always)

    return TrainingPlan(
        task.model,
        task,
        summaries,
        dict(zip(SIDES, (task.source, task.target), strict=True)),
        f"{counted(kept, 'training pair')}, vocabularies of {len(source):,} and {len(target):,}"
        + exhausted(task),
        details,
        {"source": source, "target_input": target, "target_output": target},
        partial(translation_history, task.model, target),
        make_shortlist,
        assumed_seconds=partial(assumed_seconds, task.experiment),
    )
