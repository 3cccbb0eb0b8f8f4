"""One run of a language model from its description: text, tokenizer, vocabulary, network, training.

A recipe fills in a `LanguageExperiment`, brings its text, and calls `train_language_model`.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

import torch

from seq2seq.config.base import raise_problems
from seq2seq.config.data import DataSettings
from seq2seq.config.language_model import (
    GenerationSettings,
    LanguageDataSettings,
    LanguageExperiment,
    MonolingualSettings,
)
from seq2seq.data.bptt import Window
from seq2seq.data.monolingual import letters_only, read_monolingual
from seq2seq.data.token_stream import TokenStream
from seq2seq.data.tokenizers.pipeline import (
    EncodedText,
    TextPipeline,
    build_pipeline,
    encode_text,
)
from seq2seq.errors import DataError, SettingsError
from seq2seq.language_modeling.task import LanguageTask, SentenceBatch, TextSplits
from seq2seq.models.language_model import LanguageNetwork, build_language_model
from seq2seq.runs.directory import SIDES, TEXT_SIDE, RunDirectory
from seq2seq.runs.metadata import load_best, load_experiment, load_pipeline, summarize_text
from seq2seq.training.dry_run import PlannedTraining, dry_run
from seq2seq.training.launch import TrainingText, run_training
from seq2seq.training.memory import check_model_fits
from seq2seq.training.preflight import preflight


def train_language_model(experiment: LanguageExperiment, texts: TextSplits | None = None) -> str:
    """Trains, or continues, the run that `experiment` describes.

    Args:
        experiment: the whole description.
        texts: training and validation text, where `experiment.data` does not name another.

    Returns:
        Why training ended, in words: "interrupted" if the user stopped it, `DRY` of
        `seq2seq.training.dry_run` if it was only shown.

    Raises:
        Seq2SeqError: anything that the user can set right.
    """
    run = preflight(experiment, text_given=texts is not None)
    texts = read_splits(experiment.data, texts)
    if experiment.resume:
        pipeline, ids = encode_text(load_pipeline(run, TEXT_SIDE), texts.train)
    else:
        pipeline, ids = make_pipeline(texts.train, experiment.data)
        size = len(pipeline.vocab)
        raise_problems(experiment.generation.too_many(size, f"{size:,} tokens"))
    text = make_token_stream(pipeline, experiment.data)
    torch.manual_seed(experiment.seed)
    with check_model_fits():
        network = build_language_model(len(pipeline.vocab), experiment.model)
    task = LanguageTask(network, texts, text, ids, experiment)
    task.batches(0)  # a text too short for its windows is found out before there is a run
    if experiment.dry_run:
        return dry_run(plan_training(network, task), experiment, run)
    tokens = sum(map(len, task.rows)) - len(task.rows)
    words = f"{tokens:,} training tokens, a vocabulary of {len(pipeline.vocab):,}"
    parts = {name: summarize_text([lines]) for name, lines in texts._asdict().items()}
    described = TrainingText(parts, {TEXT_SIDE: pipeline}, words)
    return run_training(network, task, experiment, run, described)


def plan_training(
    network: LanguageNetwork, task: LanguageTask
) -> PlannedTraining[Window | SentenceBatch]:
    """What a dry run shows of text, model and batches."""
    vocab, texts = task.text.pipeline.vocab, task.texts
    text = [
        f"training text: {len(texts.train):,} lines, validation text: {len(texts.validation):,}",
        f"{sum(map(len, task.rows)) - len(task.rows):,} training tokens",
        f"a vocabulary of {len(vocab):,} tokens",
    ]
    if task.text.sentences:
        dropped, limit = len(texts.train) - len(task.rows), task.experiment.data.max_length
        text.insert(1, f"{dropped:,} sentences left out for more than {limit} tokens")
    return PlannedTraining(network, task, text, {"inputs": vocab, "targets": vocab})


def read_splits(settings: MonolingualSettings, given: TextSplits | None = None) -> TextSplits:
    """The text that the settings name, cleaned; where they name none, what is given.

    If there is no validation text at all, the last part of the training text is.
    """
    if settings.train:
        train = read_text_lines(settings, settings.train, "train")
    elif given is not None:
        train = given.train
    else:
        raise SettingsError(
            "no training text: give --data.train FILE; a run that a recipe began is continued with "
            "the recipe's own command and --resume"
        )
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


def make_token_stream(pipeline: TextPipeline, settings: LanguageDataSettings) -> TokenStream:
    """How text becomes ids with this tokenizer and these settings."""
    return TokenStream(pipeline, settings.windows == "sentences", settings.letters_only)


def make_pipeline(lines: list[str], settings: MonolingualSettings) -> EncodedText:
    """A tokenizer and a vocabulary for these lines, or those of the run that is named; their ids."""
    if settings.vocabulary:
        return encode_text(load_vocabulary_of(settings.vocabulary), lines)
    return build_pipeline(
        lines,
        DataSettings(
            lowercase=settings.lowercase,
            min_frequency=settings.min_frequency,
            tokenizer=settings.tokenizer,
        ),
        settings.tokenizer,
        settings.vocab_size,
    )


def load_vocabulary_of(path: str) -> TextPipeline:
    """Tokenizer and vocabulary of a language model, or of a translation model's target side."""
    run = RunDirectory(path)
    run.check_exists()
    own = run.tokenizer(TEXT_SIDE).is_file()
    return load_pipeline(run, TEXT_SIDE if own else SIDES[1])


def load_trained(
    run: RunDirectory,
) -> tuple[LanguageNetwork, TokenStream, GenerationSettings]:
    """The network of a run with its best weights, its text, and how it makes up some.

    Raises:
        RunError: there is no run, it is not one of a language model, or one of its files is missing
            or damaged.
    """
    experiment = load_experiment(run, LanguageExperiment)
    pipeline = load_pipeline(run, TEXT_SIDE)
    network = load_network(run, experiment, len(pipeline.vocab))
    return network, make_token_stream(pipeline, experiment.data), experiment.generation


def read_network(path: str) -> LanguageNetwork:
    """The network of a run, whatever its vocabulary."""
    return load_trained(RunDirectory(path))[0]


def load_network(
    run: RunDirectory, experiment: LanguageExperiment, vocab_size: int
) -> LanguageNetwork:
    """The network with its best weights, or its last ones if no validation has chosen any yet."""
    return load_best(run, lambda: build_language_model(vocab_size, experiment.model))
