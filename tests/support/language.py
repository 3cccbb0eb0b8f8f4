"""What the tests of language models share: a little text, small networks, small runs."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from seq2seq.config.data import DataSettings
from seq2seq.config.language_model import (
    LanguageDataSettings,
    LanguageExperiment,
    LanguageModelSettings,
)
from seq2seq.config.training import TrainingSettings
from seq2seq.data.token_stream import TokenStream
from seq2seq.data.tokenizers.pipeline import build_pipeline
from seq2seq.data.vocabulary import SPECIAL_TOKENS
from seq2seq.language_modeling.task import TextSplits
from seq2seq.models.language_model import LanguageNetwork, build_language_model

CPU = torch.device("cpu")
WORDS = ("the", "cat", "dog", "sees", "finds", "a", "small", "tree", "house", "and")


def make_lines(count: int, seed: int = 1) -> list[str]:
    """Lines of a few words; some are empty, some have a mark at the end."""
    generator = random.Random(seed)
    return [
        " ".join(generator.choices(WORDS, k=generator.randint(0, 6))) + generator.choice(["", "."])
        for _ in range(count)
    ]


LINES = make_lines(60)
TEXTS = TextSplits(LINES, make_lines(12, seed=2))


def running(
    kind: str = "word",
    lines: Sequence[str] = LINES,
    *,
    sentences: bool = False,
    letters_only: bool = False,
    size: int = 60,
) -> TokenStream:
    """How these lines become ids and come back."""
    pipeline, _ = build_pipeline(lines, DataSettings(), kind, size)
    return TokenStream(pipeline, sentences, letters_only)


def network(size: int, **settings: object) -> LanguageNetwork:
    """A small network in evaluation mode whose every weight matters."""
    small = {"embedding_size": 6, "sizes": (7,), "dropout": 0.0, "tied_output": False}
    model = build_language_model(size, LanguageModelSettings(**{**small, **settings}))
    with torch.no_grad():
        for weight in model.parameters():
            noise = 0.3 * torch.randn(weight.shape)
            weight += noise if weight.dim() > 1 else 0.2 + noise  # rectified units stay alive
    return model.eval()


def table(probabilities: Sequence[Sequence[float]]) -> LanguageNetwork:
    """The network that computes p(next | previous) as a table says, a row for each previous token.

    An Elman cell on indicator vectors whose state is the indicator of the last token.
    """
    size = len(probabilities)
    settings = {"cell": "elman", "embedding": "one-hot", "embedding_size": size, "sizes": (size,)}
    decoder = (model := network(size, **settings)).decoder
    kernel = decoder.stack.cells[0].kernel
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        # tanh is 1 in float32 at 20, and 0 at 0.
        kernel.weight_ih_l0.copy_(20 * torch.eye(size))
        decoder.readout.weight.copy_(20 * torch.eye(size))
        decoder.output.weight.copy_(torch.tensor(probabilities).log().T)
    return model


def uniform(size: int) -> LanguageNetwork:
    """The network that finds every token equally probable."""
    return table([[1 / size] * size] * size)


def letter_table(probabilities: dict[str, dict[str, float]]) -> tuple[LanguageNetwork, TokenStream]:
    """A network and its text from p(next | previous) of characters, "\\n" for a line's end.

    What a row lacks, and the special tokens, has a probability of a billionth.
    """
    names = sorted({*probabilities, *(name for row in probabilities.values() for name in row)})
    text = running("character", ["".join(name for name in names if name != "\n")])
    vocab = text.pipeline.vocab
    ids = {name: 3 if name == "\n" else vocab[name] for name in names}
    assert len(vocab) == len(ids.keys() - {"\n"}) + len(SPECIAL_TOKENS)
    rows = [[1e-9] * len(vocab) for _ in range(len(vocab))]
    for previous, row in probabilities.items():
        for name, value in row.items():
            rows[ids[previous]][ids[name]] = value
    return table(rows), text


def describe(folder: Path, windows: str = "sequential", **training: object) -> LanguageExperiment:
    """A tiny run of words in a folder; the rest are changes of the training."""
    short = {} if windows == "sentences" else {"steps": 5, "batch_size": 3}
    base = LanguageExperiment(run=str(folder), device="cpu")
    plain = TrainingSettings(
        **{
            "best_by": "perplexity",
            "label_smoothing": 0.0,
            "learning_rate": 1e-2,
            "warmup_steps": 5,
            "precision": "float32",
            **({"batch_tokens": 40} if windows == "sentences" else {}),
            **training,
        }
    )
    return replace(
        base,
        data=LanguageDataSettings(tokenizer="word", windows=windows, **short),
        model=LanguageModelSettings(embedding_size=8, sizes=(9,), dropout=0.1),
        training=plain,
        generation=replace(base.generation, max_tokens=5),
    )
