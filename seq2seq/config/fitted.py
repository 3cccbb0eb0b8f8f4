"""Settings that follow from the size of the text and from the time there is.

A small text asks for a small vocabulary, small batches and much dropout (Sennrich & Zhang 2019;
Araabi & Monz 2020), a short time for a network that learns quickly, and for a short warm-up. The
defaults of the dataclasses are for a text of some ten thousand pairs, and half an hour. The numbers
of pieces and of dropout were chosen by `python -m tests.benchmarks.fitted`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from math import inf, log10, sqrt
from typing import Any

from seq2seq.config.data import SUBWORDS, DataSettings
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings

Widths = tuple[int, tuple[int, ...], tuple[int, ...]]
"""Of embedding, encoder (of each direction) and decoder."""
WIDTHS = ("model.embedding_size", "model.encoder_sizes", "model.decoder_sizes")
NARROW, MIDDLE, WIDE = (192, (256,), (384,)), (256, (256,), (384,)), (256, (384,), (512,))
LITTLE = 20_000
"""Pairs: of fewer, narrow networks and small batches learn more."""
MOST_EPOCHS = 200.0
"""After so many the text is known by heart; the learning rate should have fallen by then."""
OFTEN = 10.0
"""Epochs from which on whole words are dropped, too."""
FILLED = 0.9
"""The share of a batch that is no padding, about."""


@dataclass(frozen=True)
class TextSize:
    """How much text there is to learn from.

    Attributes:
        pairs: how many pairs of sentences.
        sources: how many different source sentences; of very many, only so many are counted.
        tokens: of the longer side, estimated: what pieces there will be is not known yet.
        characters: how many different ones, on the side that has more.
    """

    pairs: int
    sources: int
    tokens: int
    characters: int

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], tokenizer: str = "unigram") -> TextSize:
        """Measures pairs of source and target, as those of a `ParallelCorpus`."""
        count, tokens = 0, [0, 0]
        sources: set[int] = set()
        characters: tuple[set[str], set[str]] = (set(), set())
        for pair in pairs:
            count += 1
            if len(sources) < 20 * DataSettings.validation_size:  # more would decide nothing
                sources.add(hash(" ".join(pair[0].split())))
            for side, text in enumerate(pair):
                characters[side].update(text)
                tokens[side] += 1 + estimate_tokens(text, tokenizer)
        return cls(count, len(sources), max(tokens), max(map(len, characters)))


def estimate_tokens(text: str, tokenizer: str) -> int:
    """Returns about how many tokens a text has.

    Of pieces, four for three words; or one for eight bytes, where words are not between spaces.

    >>> estimate_tokens("We must write a story.", "unigram"), estimate_tokens("我们必须写", "bpe")
    (6, 1)
    """
    if tokenizer == "character":
        return len(text)
    words = len(text.split())
    return max(words * 4 // 3, len(text.encode()) // 8) if tokenizer in SUBWORDS else words


# --------------------------------------------------------------------------------------------------
# The rules


def fit_settings(
    size: TextSize,
    data: DataSettings,
    model: ModelSettings,
    training: TrainingSettings,
    stated: Collection[str],
    speed: float = 1.0,
) -> dict[str, Any]:
    """Returns the settings, by their full names, that fit a text and a budget.

    Without a budget there are none. Network and tokens that come from another run stay as they
    are, and so do settings of what is not used, as the learning rate of plain gradient descent.

    Args:
        size: of the training text.
        data, model, training: the settings that there are.
        stated: full names of those that stay; the others follow from them, too.
        speed: of the device, beside two cores of a processor.
    """
    if not training.has_budget:
        return {}
    fixed = {*stated, *unused(data, model, training)}
    chosen: dict[str, Any] = {}

    def choose(name: str, now: Any, best: Any) -> Any:
        """The value that a setting has from here on."""
        if name in fixed:
            return now
        chosen[name] = best
        return best

    def updates_of(widths: Widths, batch: int, speed: float = speed) -> float:
        """How many updates of a network the budget allows."""
        seconds = seconds_of_update(widths, pieces, batch) / speed
        return count_updates(training, seconds, size.tokens / (batch * FILLED))

    pieces = choose("data.vocab_size", data.vocab_size, vocabulary_size(size, data))
    choose("data.validation_size", data.validation_size, validation_size(size.sources))
    widths: Widths = (model.embedding_size, model.encoder_sizes, model.decoder_sizes)
    if not fixed & {*WIDTHS}:  # they go together
        widths = network_widths(size.pairs, updates_of(WIDE, 1024))
        chosen |= zip(WIDTHS, widths, strict=True)
    best = batch_tokens(size.pairs, lambda batch: updates_of(widths, batch))
    batch = choose("training.batch_tokens", training.batch_tokens, best)
    updates = updates_of(widths, batch)
    epochs = updates * batch * FILLED / size.tokens
    only_minutes = not (training.epochs or training.max_steps or "training.epochs" in fixed)
    if only_minutes and epochs > MOST_EPOCHS:
        chosen["training.epochs"] = MOST_EPOCHS
        updates, epochs = updates * MOST_EPOCHS / epochs, MOST_EPOCHS
    choose("model.dropout", model.dropout, dropout(size.pairs, epochs))
    choose("model.word_dropout", model.word_dropout, word_dropout(epochs))
    updates = max(updates / training.accumulate, 1)
    goes_on = bool(model.initialize)
    choose("training.learning_rate", training.learning_rate, learning_rate(updates, goes_on))
    # A machine that has other work, too, must come to the end of the warm-up as well.
    slow = min(updates, updates_of(widths, batch, speed / 2) / training.accumulate)
    choose("training.warmup_steps", training.warmup_steps, warmup_steps(slow, goes_on))
    interval = validation_interval(updates, training.minutes)
    choose("training.validate_every", training.validate_every, interval)
    return chosen


def unused(data: DataSettings, model: ModelSettings, training: TrainingSettings) -> set[str]:
    """Returns the names of settings that another one decides about."""
    names: set[str] = set()
    kinds = {data.tokenizer, data.tokenizers[1] if not data.target_vocab_size else data.tokenizer}
    given = (model.initialize_encoder, model.initialize_decoder)
    old = model.initialize and data.new_vocabulary == "none"
    if not kinds & {*SUBWORDS} or data.vocabulary or old or all(given):
        names.add("data.vocab_size")
    if data.validation or any(corpus.validation for corpus in data.mix):
        names.add("data.validation_size")
    if model.initialize or any(given) or model.source_vectors or model.target_vectors:
        names |= {*WIDTHS}
    if training.optimizer == "sgd":
        names.add("training.learning_rate")
    return names


def vocabulary_size(size: TextSize, data: DataSettings) -> int:
    """Returns how many pieces to learn: all characters, and some more for each pair's square root.

    With few pieces each is seen often enough to be learned (Sennrich & Zhang 2019; Gowda & May
    2020); how many words a text has grows about with its square root (Heaps 1978). More than the
    default make the output layer slow.
    """
    pieces = min(300 + 22 * sqrt(size.pairs), DataSettings.vocab_size)
    return int(round(pieces + size.characters, -2)) + len(data.symbols)


def validation_size(sources: int) -> int:
    """Returns how many source sentences to set aside: a tenth of few, and no more than usual."""
    return max(min(sources // 10, DataSettings.validation_size), 1)


def network_widths(pairs: int, updates: float) -> Widths:
    """Returns the widths for so many pairs and, of a wide network, so many updates.

    Little text fills no wide network, and a short time doesn't either: of a narrow one there are
    more updates in it.
    """
    if pairs < LITTLE:
        return NARROW
    return WIDE if updates >= 4000 else MIDDLE


def batch_tokens(pairs: int, updates: Callable[[int], float]) -> int:
    """Returns the size of batches; `updates` says how many of a size there is time for.

    Small ones make more updates of the same time, which counts most at first (Sennrich & Zhang
    2019: of little text always). Twice as large ones pay where there are four times the updates.
    """
    sizes = (1024, 2048, 4096) if pairs >= LITTLE else ()
    return max([512, *(batch for batch in sizes if updates(batch) >= batch**2 / 1000)])


def seconds_of_update(widths: Widths, pieces: int, batch: int) -> float:
    """Returns about how long two cores take: a part that is fixed, and one for multiplications.

    The two numbers fit trainings of recipes/quickstart.py and recipes/multi30k.py.
    """
    embedding, encoder, decoder = widths
    weights = (pieces + 2 * encoder[-1] + decoder[-1]) * embedding
    below = embedding
    for width in encoder:
        weights, below = weights + 8 * width * (below + width), 2 * width
    below = embedding
    for width in decoder:
        weights, below = weights + 4 * width * (below + width), width
    return 0.055 + 25e-12 * weights * batch


def count_updates(training: TrainingSettings, seconds: float, epoch: float) -> float:
    """Returns about how many updates the budget allows; an epoch has `epoch` of them."""
    limits = [
        60 * training.minutes / seconds if training.minutes else inf,
        training.epochs * epoch if training.epochs else inf,
        training.max_steps or inf,
    ]
    return min(limits)


def dropout(pairs: int, epochs: float) -> float:
    """Returns how much to drop: the more, the oftener each sentence is seen.

    Little text needs much of it (Sennrich & Zhang 2019; Araabi & Monz 2020); what is seen once
    can't be learned by heart. Much text needs no more than the default.
    """
    most = 0.5 if pairs < LITTLE else 0.4 if pairs < 10 * LITTLE else 0.3
    return round(min(max(0.1 + 0.18 * log10(max(epochs, 0.1)), 0.1), most), 2)


def word_dropout(epochs: float) -> float:
    """Returns how many words to drop: some of text that is seen often (Sennrich & Zhang 2019)."""
    return 0.1 if epochs >= OFTEN else 0.0


def learning_rate(updates: float, goes_on: bool) -> float:
    """Returns the highest learning rate: few updates must go far, many can be careful.

    Weights that are good already need no high one.
    """
    if goes_on:
        return 1e-3
    return round(min(max(4e-3 * sqrt(3200 / updates), 2e-3), 4e-3), 4)


def warmup_steps(updates: float, goes_on: bool) -> int:
    """Returns over how many updates the learning rate rises: a tenth of few."""
    return min(int(updates) // 10, 50 if goes_on else TrainingSettings.warmup_steps)


def validation_interval(updates: float, minutes: float | None) -> int:
    """Returns how many updates lie between validations.

    Of these there are two a minute, for each takes a second or two; twenty at most, and eight at
    least, of which a machine half as quick as was thought has four.
    """
    count = min(max(2 * minutes, 8), 20) if minutes else 10
    return max(round(updates / count), 1)
