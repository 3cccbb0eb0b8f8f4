"""seq2seq: recurrent translation and language models, from raw text to BLEU and perplexity.

The names below are imported when they are first used, so that `import seq2seq` is quick.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seq2seq.evaluation.translation import evaluate
    from seq2seq.experiment import train
    from seq2seq.language_experiment import train_language_model
    from seq2seq.language_model import LanguageModel
    from seq2seq.language_settings import LanguageExperiment
    from seq2seq.reranker import Reranker
    from seq2seq.settings import Experiment
    from seq2seq.text.corpus import ParallelCorpus
    from seq2seq.text.vocab import Vocab
    from seq2seq.translator import Translator

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
    "Experiment": "seq2seq.settings",
    "LanguageExperiment": "seq2seq.language_settings",
    "LanguageModel": "seq2seq.language_model",
    "ParallelCorpus": "seq2seq.text.corpus",
    "Reranker": "seq2seq.reranker",
    "Translator": "seq2seq.translator",
    "Vocab": "seq2seq.text.vocab",
    "evaluate": "seq2seq.evaluation.translation",
    "train": "seq2seq.experiment",
    "train_language_model": "seq2seq.language_experiment",
}
"""Where the public names are defined."""


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
