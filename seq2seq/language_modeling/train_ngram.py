"""One run of an n-gram model from its description: text, tokenizer, vocabulary, counts.

What is estimated here, or read from an ARPA file, is used as a recurrent language model is: by
`seq2seq.language_modeling.model.LanguageModel`.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import torch

from seq2seq.config.language_model import NGramExperiment
from seq2seq.data.monolingual import letters_only
from seq2seq.data.tokenizers.normalization import JOINER, SPACE
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.rule_based import SpaceTokenizer
from seq2seq.data.vocabulary import SPECIAL_TOKENS, Vocab
from seq2seq.evaluation.perplexity import TextScore, held_out_score
from seq2seq.language_modeling.loading import load_text_side, ngram_token_stream
from seq2seq.language_modeling.task import TextSplits
from seq2seq.language_modeling.train import make_pipeline, read_splits, read_text_lines
from seq2seq.models.ngram.arpa import read_arpa
from seq2seq.models.ngram.arpa_reader import VocabularyWarning
from seq2seq.models.ngram.model import NGramModel
from seq2seq.runs.directory import TEXT_SIDE
from seq2seq.runs.lock import lock_run
from seq2seq.runs.metadata import save_metadata, summarize_text
from seq2seq.runs.run import Run
from seq2seq.training.preflight import preflight


class NGramResult(NamedTuple):
    """What came of a description.

    Attributes:
        model: as it was saved.
        held_out: how well it predicts the validation text; None if there is none.
    """

    model: NGramModel
    held_out: TextScore | None


def train_ngram_model(experiment: NGramExperiment, texts: TextSplits | None = None) -> NGramResult:
    """Estimates a model, or reads it from an ARPA file, and saves it as a run.

    Args:
        experiment: the whole description.
        texts: training and validation text, where `experiment.data` does not name another.

    Raises:
        Seq2SeqError: anything that the user can set right.
    """
    NGramExperiment.check_is_one(experiment, "train_ngram_model")
    run = preflight(experiment, text_given=texts is not None)
    if experiment.model.from_arpa:
        texts = TextSplits([], read_validation(experiment))
        model, pipeline = import_arpa(experiment)
    else:
        texts = read_splits(experiment.data, texts)
        pipeline, ids = make_pipeline(texts.train, experiment.data)
        model = estimate_model(ids, len(pipeline.vocab), experiment)
    parts = {name: summarize_text([lines]) for name, lines in texts._asdict().items()}
    with lock_run(run.path):
        run_id = save_metadata(run, experiment, parts, {TEXT_SIDE: pipeline})
        model.save(run.ngrams, run_id)
    if not texts.validation:
        return NGramResult(model, None)
    text = ngram_token_stream(pipeline, experiment)
    return NGramResult(model, held_out_score(model, text, texts.validation, torch.device("cpu")))


def read_validation(experiment: NGramExperiment) -> list[str]:
    """The validation text that the settings name; nothing if they name none."""
    data = experiment.data
    if not data.validation:
        return []
    lines = read_text_lines(data, data.validation, "validation")
    return letters_only(lines) if data.letters_only else lines


def estimate_model(
    lines: list[list[int]], vocab_size: int, experiment: NGramExperiment
) -> NGramModel:
    """The model of these lines of ids."""
    settings = experiment.model
    return NGramModel.estimate(lines, settings.order, vocab_size, settings.smoothing, settings.k)


def import_arpa(experiment: NGramExperiment) -> tuple[NGramModel, TextPipeline]:
    """The model in an ARPA file, and the tokens of its text: what stands between spaces.

    Or, if the settings name a run whose vocabulary to take, those of that run.
    """
    path, data = experiment.model.from_arpa, experiment.data
    if data.vocabulary:
        pipeline = load_text_side(Run(data.vocabulary))
        return read_arpa(path, pipeline.vocab)[0], pipeline
    model, vocab = read_arpa(path)
    pieces = sum(JOINER in token or SPACE in token for token in vocab)
    if pieces > max(len(vocab) / 4, 20):
        warnings.warn(
            f"{path} has the tokens of a tokenizer, and text is cut at spaces here, so that few "
            "words will be known: give the run of that tokenizer, with --data.vocabulary RUN",
            VocabularyWarning,
            stacklevel=2,
        )
    return model, TextPipeline(SpaceTokenizer(data.lowercase), normalize_vocab(vocab))


def normalize_vocab(vocab: Vocab) -> Vocab:
    """The vocabulary of an ARPA file, with each token as it comes out of a text.

    One that never does, as with a no-break space in it, keeps its name.
    """
    tokens = vocab.tokens(list(range(len(vocab))))
    found = list(SPECIAL_TOKENS)
    taken = set(tokens)
    for token in tokens[len(found) :]:
        read = SpaceTokenizer().tokenize(token)
        new = read[0] if len(read) == 1 and read[0] not in taken else token
        taken.add(new)
        found.append(new)
    return Vocab(found, [0] * len(found))
