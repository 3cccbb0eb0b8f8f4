"""Noise on the sources of a training text: on their words and letters, then on their tokens.

All draws for a sentence come from the seed of the epoch and from its place there, so that a
continued training draws what one that never stopped draws.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from itertools import accumulate, chain, pairwise
from random import Random
from typing import NamedTuple

from seq2seq.config.base import raise_problems
from seq2seq.config.data import DataSettings
from seq2seq.config.noise import NoiseSettings
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.rule_based import CJK
from seq2seq.data.tokenizers.special_symbols import SpecialSymbols
from seq2seq.data.vocabulary import SPECIAL_TOKENS, UNK_ID

_WORD = re.compile(rf"[{CJK}] ?|[^ {CJK}]+ ?")  # with the space behind it
SHOWN = 2
"""How many sentences are shown with noise."""
LOOKED_AT = 20
"""Among so many, those that it changes come first."""

# --------------------------------------------------------------------------------------------------
# Words and letters


class Letters(NamedTuple):
    """The letters of a text, with the cumulative counts that one is drawn by."""

    names: str
    cumulative: list[int]

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> Letters:
        """Counts the letters of texts."""
        counts = Counter(chain.from_iterable(texts))
        found = {letter: count for letter, count in sorted(counts.items()) if is_letter(letter)}
        return cls("".join(found), [*accumulate(found.values())])

    def draw(self, generator: Random) -> str:
        """Returns a letter, each as often as it comes in the text."""
        return generator.choices(self.names, cum_weights=self.cumulative)[0]


def is_letter(character: str) -> bool:
    """Whether a character is a letter, or a mark that belongs to one."""
    return unicodedata.category(character)[0] in "LM"


def noisy_words(text: str, noise: NoiseSettings, letters: Letters, generator: Random) -> str:
    """Returns a text with its words shuffled, left out and misspelt.

    Args:
        text: with single spaces, which may stand at its ends, too.
        noise: how much of which.
        letters: what typos bring in.
        generator: of all draws.
    """
    words = _WORD.findall(text)
    if not words:
        return text
    if " " in text.strip() and not words[-1].endswith(" "):
        words[-1] += " "  # it may come to stand before another one
    if noise.shuffle:
        keys = [place + generator.random() * (noise.shuffle + 1) for place in range(len(words))]
        words = [words[place] for place in sorted(range(len(words)), key=keys.__getitem__)]
    if noise.drop:
        words = [word for word in words if generator.random() >= noise.drop] or [
            generator.choice(words)
        ]
    if noise.typos:
        words = [
            misspell(word, letters, generator) if generator.random() < noise.typos else word
            for word in words
        ]
    left, right = " " * text.startswith(" "), " " * text.endswith(" ")
    return f"{left}{''.join(words).strip()}{right}"


def misspell(word: str, letters: Letters, generator: Random) -> str:
    """Returns a word with one of the four typos of Karpukhin et al. (2019); without letters, it."""
    places = [place for place, character in enumerate(word) if is_letter(character)]
    if not places:
        return word
    place = generator.choice(places)
    before, letter, after = word[:place], word[place], word[place + 1 :]
    kind = generator.choice(("insert", "replace", "delete", "exchange"))
    if kind == "insert":
        return before + letters.draw(generator) + letter + after
    if kind == "delete" and len(places) > 1:
        return before + after
    if kind == "exchange" and after and is_letter(after[0]):
        return before + after[0] + letter + after[1:]
    return before + letters.draw(generator) + after


def without_punctuation(text: str) -> str:
    """Returns a text without the punctuation at its end; one that is nothing else, as it is.

    >>> without_punctuation("Is he here?!"), without_punctuation("…")
    ('Is he here', '…')
    """
    end = len(text)
    while end and unicodedata.category(text[end - 1])[0] in "PZ":
        end -= 1
    return text[:end] or text


def has_two_words(parts: Sequence[str]) -> bool:
    """Whether there are words to leave out or to shuffle."""
    return any(len(_WORD.findall(part)) > 1 for part in parts)


NEEDED: dict[str, tuple[Callable[[Sequence[str]], bool], str]] = {
    "drop": (has_two_words, "two words"),
    "shuffle": (has_two_words, "two words"),
    "typos": (lambda parts: any(map(is_letter, "".join(parts))), "a letter"),
    "lowercase": (lambda parts: any(part != part.lower() for part in parts), "a capital letter"),
    "punctuation": (
        lambda parts: parts[-1] != without_punctuation(parts[-1]),
        "punctuation at its end",
    ),
}
"""Whether noise can change a source, by what stands between its symbols; what it needs there."""

# --------------------------------------------------------------------------------------------------
# Tokens


def switch_out(
    ids: Sequence[int],
    temperature: float,
    fixed: frozenset[int],
    vocab_size: int,
    generator: Random,
) -> list[int]:
    """Returns ids of which some have become others, as Wang et al. (2018) draw them.

    How many there are is drawn first, then which ones, then what they become.

    Args:
        ids: of a sentence.
        temperature: the paper's τ.
        fixed: ids that stay, and that none becomes; two others there must be.
        vocab_size: how many ids there are.
        generator: of all draws.
    """
    places = [place for place, number in enumerate(ids) if number not in fixed]
    weights = [math.exp(-count / temperature) for count in range(len(places) + 1)]
    (count,) = generator.choices(range(len(weights)), weights)
    switched = [*ids]
    for place in generator.sample(places, count):
        while (number := generator.randrange(vocab_size)) in fixed or number == ids[place]:
            pass
        switched[place] = number
    return switched


# --------------------------------------------------------------------------------------------------
# A training text


class Layer(NamedTuple):
    """Noise for a stretch of a text: for all of it, or for a corpus of a mix.

    Attributes:
        prefix: what stands before the name of a setting.
        settings: how much of which noise.
        begin, end: the positions of the first source, and of the one behind the last.
    """

    prefix: str
    settings: NoiseSettings
    begin: int
    end: int


class SourceNoise:
    """Noise for the sources of a training text; false if there is none.

    Args:
        data: how much of which noise, for all of the text and for corpora of a mix.
        texts: the sources, corpus after corpus.
        sizes: how many of them each corpus of a mix has.
        pipeline: tokenizer and vocabulary of the source side.

    Raises:
        SettingsError: some noise would change nothing in its text.
    """

    def __init__(
        self,
        data: DataSettings,
        texts: Sequence[str],
        sizes: Sequence[int],
        pipeline: TextPipeline,
    ) -> None:
        self.texts, self.pipeline = texts, pipeline
        self.symbols = SpecialSymbols(pipeline.tokenizer.special_symbols)
        fixed = pipeline.vocab.ids([*SPECIAL_TOKENS, *pipeline.tokenizer.reserved])
        self.fixed = frozenset(fixed)
        layers = [Layer("--data.noise.", data.noise, 0, len(texts))]
        for corpus, bounds in zip(data.mix, pairwise([0, *accumulate(sizes)]), strict=True):
            prefix = f"--data.mix, corpus {corpus.name}: noise."
            layers.append(Layer(prefix, corpus.noise, *bounds))
        self.layers = [layer for layer in layers if layer.settings != NoiseSettings()]
        raise_problems(chain.from_iterable(map(self.without_effect, self.layers)))
        has_typos = any(layer.settings.typos for layer in self.layers)
        self.letters = Letters.of_texts(
            chain.from_iterable(map(self.plain, texts if has_typos else ()))
        )

    def of(self, texts: Sequence[str]) -> SourceNoise:
        """Returns the same noise for other texts; every layer covers all of them."""
        other = copy(self)
        other.texts = texts
        other.layers = [layer._replace(begin=0, end=len(texts)) for layer in self.layers]
        return other

    def __bool__(self) -> bool:
        """Whether there is any noise."""
        return bool(self.layers)

    def plain(self, text: str) -> list[str]:
        """Returns what stands between the special symbols of a text."""
        return self.split(text)[::2]

    def split(self, text: str) -> list[str]:
        """Returns the parts of a text as the tokenizer sees it: the 2nd, 4th, … are symbols."""
        return self.symbols.split(self.pipeline.tokenizer.normalize(text))

    def without_effect(self, layer: Layer) -> Iterator[str]:
        """A line for each noise that would change nothing in its text."""
        parts = [self.plain(text) for text in self.texts[layer.begin : layer.end]]
        for name, (has_it, what) in NEEDED.items():
            value = getattr(layer.settings, name)
            if value and not any(map(has_it, parts)):
                flag = f"{layer.prefix}{name}"
                yield f"{flag} {value} has no effect: no source has {what}; leave it out"
        if layer.settings.switch_out and len(self.pipeline.vocab) < len(self.fixed) + 2:
            where = layer.prefix.rstrip(".")
            yield f"{where}: SwitchOut has no effect, as there are no other tokens; leave it out"

    def at(self, position: int) -> list[NoiseSettings]:
        """The noise for the source at a position of the text."""
        return [each.settings for each in self.layers if each.begin <= position < each.end]

    def noisy_texts(self, positions: Sequence[int], seed: int) -> list[str]:
        """The sources at some positions, with noise on words and letters by seed and place."""
        found = []
        for place, position in enumerate(positions):
            text = self.texts[position]
            if layers := self.at(position):
                generator = Random(f"text {seed} {place}")
                for noise in layers:
                    text = self.noisy_text(text, noise, generator)
            found.append(text)
        return found

    def noisy_text(self, text: str, noise: NoiseSettings, generator: Random) -> str:
        """A source with noise on words and letters; special symbols stay."""
        parts = self.split(text)
        parts[::2] = [noisy_words(part, noise, self.letters, generator) for part in parts[::2]]
        if generator.random() < noise.lowercase:
            parts[::2] = [part.lower() for part in parts[::2]]
        if generator.random() < noise.punctuation:
            parts[-1] = without_punctuation(parts[-1])
        return "".join(parts)

    def noisy_ids(
        self, ids: Sequence[list[int]], positions: Sequence[int], seed: int
    ) -> list[list[int]]:
        """The ids of such sources, with noise on tokens drawn by seed and place."""
        found = []
        for place, (row, position) in enumerate(zip(ids, positions, strict=True)):
            if layers := self.at(position):
                generator = Random(f"ids {seed} {place}")
                for noise in layers:
                    row = self.noisy_row(row, noise, generator)
            found.append(row)
        return found

    def noisy_row(self, ids: list[int], noise: NoiseSettings, generator: Random) -> list[int]:
        """The ids of a source with noise on tokens; those of special symbols stay."""
        if noise.switch_out:
            size = len(self.pipeline.vocab)
            ids = switch_out(ids, noise.switch_out, self.fixed, size, generator)
        return [
            UNK_ID if number not in self.fixed and generator.random() < noise.blank else number
            for number in ids
        ]

    def examples(self) -> Iterator[str]:
        """Lines with the first sources that noise changes, as they are and with it.

        Where it changes none of the first, these are shown as they stay.
        """
        for layer in self.layers:
            positions = range(layer.begin, min(layer.begin + LOOKED_AT, layer.end))
            texts = [self.texts[position] for position in positions]
            before = self.pipeline.encode(texts)
            noisy = self.pipeline.encode(self.noisy_texts(positions, seed=0))
            found = zip(texts, before, self.noisy_ids(noisy, positions, seed=0), strict=True)
            changed_first = sorted(found, key=lambda each: each[1] == each[2])
            for text, _, row in changed_first[:SHOWN]:
                yield f"with noise: {text} -> {self.pipeline.decode(row)}"
