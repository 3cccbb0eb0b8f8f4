"""A language model's run -> its model, and how its text becomes ids. Nothing here trains."""

from __future__ import annotations

from typing import NamedTuple

from seq2seq.config.language_model import (
    GenerationSettings,
    LanguageDataSettings,
    LanguageExperiment,
    NGramExperiment,
)
from seq2seq.data.token_stream import TokenStream
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.errors import RunError
from seq2seq.models.language_model import LanguageNetwork, build_language_model
from seq2seq.models.ngram.model import NGramModel
from seq2seq.runs.directory import SIDES, TEXT_SIDE
from seq2seq.runs.run import Run


class LoadedNetwork(NamedTuple):
    """A recurrent language model from a run.

    Attributes:
        network: with the best weights.
        text: how text becomes ids.
        settings: how text is generated, where a call does not say.
    """

    network: LanguageNetwork
    text: TokenStream
    settings: GenerationSettings


class LoadedNGrams(NamedTuple):
    """An n-gram model from a run; parts as `LoadedNetwork`."""

    network: NGramModel
    text: TokenStream
    settings: GenerationSettings


def load_network(run: Run) -> LoadedNetwork:
    """Loads a recurrent language model.

    Raises:
        RunError: the run is one of another kind of model, or a file is missing or damaged.
    """
    experiment = run.experiment(LanguageExperiment)
    pipeline = run.pipeline(TEXT_SIDE)
    size = len(pipeline.vocab)
    network = run.load_model(lambda: build_language_model(size, experiment.model))
    text = network_token_stream(pipeline, experiment.data)
    return LoadedNetwork(network, text, experiment.generation)


def load_ngrams(run: Run) -> LoadedNGrams:
    """Loads an n-gram model; raises as `load_network`."""
    experiment = run.experiment(NGramExperiment)
    pipeline = run.pipeline(TEXT_SIDE)
    path = run.directory.ngrams
    model = NGramModel.load(path, run.run_id)
    if model.vocab_size != len(pipeline.vocab):
        raise RunError(
            f"{path} has {model.vocab_size} tokens, and the vocabulary beside it "
            f"{len(pipeline.vocab)}: they are not of one run"
        )
    return LoadedNGrams(model, ngram_token_stream(pipeline, experiment), experiment.generation)


def load_language_model(run: Run) -> LoadedNetwork | LoadedNGrams:
    """Loads a language model of either kind; raises as `load_network`."""
    return load_ngrams(run) if run.kind == NGramExperiment.KIND else load_network(run)


def network_token_stream(pipeline: TextPipeline, settings: LanguageDataSettings) -> TokenStream:
    """How text becomes ids for a network that is trained with these settings."""
    return TokenStream(pipeline, settings.windows == "sentences", settings.letters_only)


def ngram_token_stream(pipeline: TextPipeline, experiment: NGramExperiment) -> TokenStream:
    """How text becomes ids for an n-gram model: each line by itself."""
    return TokenStream(pipeline, True, experiment.data.letters_only)


def load_text_side(run: Run) -> TextPipeline:
    """Tokenizer and vocabulary of a language model, or of a translation model's target side."""
    own = run.directory.tokenizer(TEXT_SIDE).is_file()
    return run.pipeline(TEXT_SIDE if own else SIDES[1])
