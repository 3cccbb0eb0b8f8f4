"""seq2seq: recurrent translation and language models, from raw text to BLEU and perplexity.

The names below are imported when they are first used, so that `import seq2seq` is quick.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq.config.experiment import Experiment
    from seq2seq.config.language_model import LanguageExperiment
    from seq2seq.data.parallel import ParallelCorpus
    from seq2seq.data.vocabulary import Vocab
    from seq2seq.evaluation.metrics import evaluate
    from seq2seq.language_modeling.model import LanguageModel
    from seq2seq.language_modeling.train import train_language_model
    from seq2seq.translation.reranker import Reranker
    from seq2seq.translation.train import train
    from seq2seq.translation.translator import Translator

# Read once, when torch is loaded: how long a thread that waits for the others spins before it
# sleeps. The usual 300,000 turns are somewhat quicker on an idle machine, and much slower as soon
# as another program wants a core: tests/benchmarks/threads.py measures both.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
# How many shapes of product oneDNN and torch keep code for, some megabytes each; they default to
# 1,024, and every batch has shapes of its own.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32")
os.environ.setdefault("LRU_CACHE_CAPACITY", "32")

__version__ = "0.2.0"
__all__ = [
    "Experiment",
    "LanguageExperiment",
    "LanguageModel",
    "ParallelCorpus",
    "Reranker",
    "Translator",
    "Vocab",
    "__version__",
    "evaluate",
    "train",
    "train_language_model",
]

HOMES = {
    "Experiment": "seq2seq.config.experiment",
    "LanguageExperiment": "seq2seq.config.language_model",
    "LanguageModel": "seq2seq.language_modeling.model",
    "ParallelCorpus": "seq2seq.data.parallel",
    "Reranker": "seq2seq.translation.reranker",
    "Translator": "seq2seq.translation.translator",
    "Vocab": "seq2seq.data.vocabulary",
    "evaluate": "seq2seq.evaluation.metrics",
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
