"""One run of a language model from its description: text, tokenizer, vocabulary, network, training.

A recipe fills in a `LanguageExperiment`, brings its text, and calls `train_language_model`.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import partial
from itertools import accumulate

import torch

from seq2seq.config.base import from_dict, raise_problems
from seq2seq.config.data import DataSettings
from seq2seq.config.language_model import (
    LanguageExperiment,
    MonolingualSettings,
)
from seq2seq.config.wording import counted
from seq2seq.data.bptt import Window
from seq2seq.data.monolingual import letters_only, read_monolingual
from seq2seq.data.tokenizers.pipeline import EncodedText, build_pipeline, encode_text
from seq2seq.data.vocabulary import Vocab
from seq2seq.errors import DataError, SettingsError
from seq2seq.language_modeling.loading import load_text_side, network_token_stream
from seq2seq.language_modeling.task import LanguageTask, SentenceBatch, SentenceLearner, TextSplits
from seq2seq.models.language_model import LanguageNetwork, build_language_model
from seq2seq.runs.directory import TEXT_SIDE
from seq2seq.runs.metadata import summarize_text
from seq2seq.runs.run import Run
from seq2seq.torchrun import follows
from seq2seq.training.dry_run import TrainingPlan
from seq2seq.training.follow import Following, follow_until_exit
from seq2seq.training.launch import launch, with_restart
from seq2seq.training.meeting import Meeting
from seq2seq.training.memory import check_model_fits
from seq2seq.training.preflight import NO_TRAINING_TEXT, preflight
from seq2seq.training.reporting import log_line
from seq2seq.training.shown_tokens import History


def train_language_model(experiment: LanguageExperiment, texts: TextSplits | None = None) -> str:
    """Trains, or continues, the run that `experiment` describes.

    Args:
        experiment: the whole description.
        texts: training and validation text, where `experiment.data` does not name another.

    Returns:
        Why training ended, in words: "interrupted" if the user stopped it, `DRY_RUN`
        of `seq2seq.training.dry_run` if it was only shown. Of the processes of torchrun, one alone
        returns from here: the others end with it.

    Raises:
        Seq2SeqError: anything that the user can set right.
    """
    LanguageExperiment.check_is_one(experiment, "train_language_model")
    if follows():
        follow_until_exit(build_following)
    experiment = with_restart(experiment)
    run = preflight(experiment, text_given=texts is not None)
    texts = read_splits(experiment.data, texts)
    stored = Run(run.path) if experiment.resume else None
    if stored:
        pipeline, ids = encode_text(stored.pipeline(TEXT_SIDE), texts.train)
    else:
        pipeline, ids = make_pipeline(texts.train, experiment.data)
        size = len(pipeline.vocab)
        raise_problems(experiment.generation.too_many(size, f"{size:,} tokens"))
        for symbol in experiment.data.special_symbols:
            if not pipeline.vocab.count(symbol):
                log_line(f"note: the special symbol {symbol} does not occur in the training text")
    torch.manual_seed(experiment.seed)
    with check_model_fits():
        network = build_language_model(len(pipeline.vocab), experiment.model)
    text = network_token_stream(pipeline, experiment.data)
    task = LanguageTask(network, texts, text, ids, experiment)
    task.batches(0)  # a text too short for its windows is found out before there is a run
    return launch(plan_training(task), experiment, run, stored)


def build_following(meeting: Meeting) -> Following[SentenceBatch]:
    """The model of a training that another process of torchrun has begun."""
    experiment = from_dict(LanguageExperiment, meeting.experiment)
    (size,) = meeting.vocabularies
    network = build_language_model(size, experiment.model)
    learner = SentenceLearner(network, experiment.training)
    return Following(network, learner, SentenceBatch, experiment.training)


def plan_training(task: LanguageTask) -> TrainingPlan[Window | SentenceBatch]:
    """What is trained, and what there is to say of its text."""
    pipeline, texts = task.text.pipeline, task.texts
    tokens, size = sum(map(len, task.rows)) - len(task.rows), len(pipeline.vocab)
    details = [
        f"training text: {counted(len(texts.train), 'line')}, validation text: "
        f"{len(texts.validation):,}",
        f"{tokens:,} training tokens",
        f"a vocabulary of {size:,} tokens",
    ]
    if task.text.sentences:
        dropped, limit = len(texts.train) - len(task.rows), task.experiment.data.max_length
        details.insert(1, f"{counted(dropped, 'sentence')} left out for more than {limit} tokens")
    return TrainingPlan(
        task.network,
        task,
        {name: summarize_text([lines]) for name, lines in texts._asdict().items()},
        {TEXT_SIDE: pipeline},
        f"{tokens:,} training tokens, a vocabulary of {size:,}",
        details,
        {"inputs": pipeline.vocab, "targets": pipeline.vocab},
        partial(text_history, task.network, pipeline.vocab),
    )


@torch.no_grad()
def text_history(network: LanguageNetwork, vocab: Vocab, batch: Window | SentenceBatch) -> History:
    """What the decoder reads in a batch, from a state of zeros."""
    inputs = batch.inputs.to(next(network.parameters()).device)
    return History(network.decoder, network.start(len(inputs)), inputs, vocab)


def read_splits(settings: MonolingualSettings, given: TextSplits | None = None) -> TextSplits:
    """The text that the settings name, cleaned; where they name none, what is given.

    If there is no validation text at all, the last part of the training text is.
    """
    if settings.train:
        train = read_text_lines(settings, settings.train, "train")
    elif given is not None:
        train = given.train
    else:
        raise SettingsError(NO_TRAINING_TEXT)
    if settings.validation:
        validation = read_text_lines(settings, settings.validation, "validation")
    else:
        validation = given.validation if given else []
    if not validation:
        train, validation = hold_out(train, settings.validation_share)
    if settings.letters_only:
        train, validation = letters_only(train), letters_only(validation)
    if not any(line.strip() for line in train) or not any(line.strip() for line in validation):
        raise DataError("training or validation text is empty: give text with words in it")
    return TextSplits(train, validation)


def read_text_lines(settings: MonolingualSettings, name: str, split_name: str) -> list[str]:
    """The lines of one text."""
    column = int(settings.column) if settings.column.isdecimal() else settings.column or None
    return read_monolingual(name, column=column, split=split_name)


def hold_out(lines: list[str], share: float) -> tuple[list[str], list[str]]:
    """All but the last lines, and the last lines, which have about this share of the characters.

    Raises:
        DataError: there is a single line.
    """
    if len(lines) < 2:
        raise DataError(
            "the training text is one line, of which no part can be set aside: give "
            "--data.validation FILE"
        )
    ends = list(accumulate(len(line) + 1 for line in lines))
    place = min(bisect_left(ends, (1 - share) * ends[-1]) + 1, len(lines) - 1)
    return lines[:place], lines[place:]


def make_pipeline(lines: list[str], settings: MonolingualSettings) -> EncodedText:
    """A pipeline for these lines, or that of the run that is named; and the ids of the lines."""
    if settings.vocabulary:
        return encode_text(load_text_side(Run(settings.vocabulary)), lines)
    return build_pipeline(
        lines,
        DataSettings(
            lowercase=settings.lowercase,
            min_frequency=settings.min_frequency,
            tokenizer=settings.tokenizer,
            character_coverage=settings.character_coverage,
            special_symbols=settings.special_symbols,
        ),
        settings.tokenizer,
        settings.vocab_size,
        keep_white_space=settings.tokenizer == "character",
    )
