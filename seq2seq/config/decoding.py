"""How a sentence is searched for: the settings of decoding, which can change with every call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from seq2seq.config.fields import (
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Range,
    only_if,
)

SearchMethod = Literal["beam", "diverse-beam", "sample", "mbr"]
SAMPLING_METHODS: tuple[SearchMethod, ...] = ("sample", "mbr")
"""Those that draw from the model, by `temperature`, `top_k` and `top_p`; the others keep a beam of
`beam_size`."""
Precision = Literal["float32", "bfloat16"]
UtilityName = Literal["chrf", "bleu"]

MAX_TOKENS = 10_000
"""The most tokens that any limit on sentences allows: search takes time for each of them."""
MaxLength = Annotated[int, Range(1, MAX_TOKENS)]
OptionalLength = Annotated[int, Range(0, MAX_TOKENS)]
MAX_SHORTLIST = 100
"""So many target tokens of each source token are stored in a run."""
TopP = Annotated[float, Range(0, 1, "(]")]
WHEN_SAMPLING = only_if("method", *SAMPLING_METHODS)
NEEDS_ATTENTION = only_if("model.attention")


@dataclass(frozen=True)
class DecodingSettings:
    """How a sentence is searched for."""

    method: SearchMethod = "beam"
    """beam: the most probable. diverse-beam: groups that avoid each other (Vijayakumar et al.
    2018). sample: drawn from the model. mbr: of many samples, the one most like all others (Kumar &
    Byrne 2004; Eikema & Aziz 2020)."""
    beam_size: PositiveInt = 5
    """Hypotheses kept at each step; 1 is greedy search."""
    length_penalty: NonNegativeFloat = 1.0
    """The α of Wu et al. (2016): 0 prefers short sentences, 1 divides by about the length."""
    coverage_penalty: Annotated[
        NonNegativeFloat, only_if("method", "beam", "diverse-beam", "sample"), NEEDS_ATTENTION
    ] = 0.0
    """The β of Wu et al. (2016): how much source tokens that attention has passed over cost. Sharp
    attention, which rightly passes over many, bears little of it: try 0.05 first."""
    no_repeat_ngram: NonNegativeInt = 0
    """No sequence of so many tokens comes twice in a hypothesis. 0: off."""
    min_length: OptionalLength = 0
    """A hypothesis has at least this many tokens, even where the limits below say less."""
    max_length: OptionalLength = 0
    """A hypothesis has at most this many tokens. 0: as the next two say."""
    max_length_ratio: Annotated[float, Range(0, 100)] = 2.0
    """A hypothesis has at most this many times the source's tokens, …"""
    max_length_extra: MaxLength = 10
    """… plus this many."""
    max_source_length: MaxLength = 500
    """A source with more tokens is cut there, with a warning."""
    groups: Annotated[PositiveInt, only_if("method", "diverse-beam")] = 5
    """For diverse-beam: how many groups share the beam."""
    diversity: Annotated[NonNegativeFloat, only_if("method", "diverse-beam")] = 0.5
    """For diverse-beam: what a token costs for each earlier group that took it at this step."""
    temperature: Annotated[PositiveFloat, WHEN_SAMPLING] = 1.0
    """For samples: below 1 nearer to the most probable, above 1 farther from it."""
    top_k: Annotated[NonNegativeInt, WHEN_SAMPLING] = 0
    """For samples: from the so many most probable tokens only (Fan et al. 2018). 0: all."""
    top_p: Annotated[TopP, WHEN_SAMPLING] = 1.0
    """For samples: from the most probable tokens that have this much probability together (Holtzman
    et al. 2020)."""
    samples: Annotated[int, Range(2), only_if("method", "mbr")] = 32
    """For mbr: how many samples to choose from."""
    utility: Annotated[UtilityName, only_if("method", "mbr")] = "chrf"
    """For mbr: how alike two samples are."""
    seed: NonNegativeInt = 1
    """For samples: a sentence gets the same ones with the same seed, whatever stands around it."""
    shortlist: Annotated[
        int, Range(0, MAX_SHORTLIST), only_if("method", "beam", "diverse-beam")
    ] = 0
    """Only tokens that may follow from the source are searched: the so many most probable
    translations of each of its tokens, counted in training (IBM model 1), and the most frequent
    tokens (Jean et al. 2015; L'Hostis et al. 2016). Probabilities are of these among each other. 50
    lost no BLEU on Multi30k, at up to 1.6 times the speed. 0: the whole vocabulary."""
    replace_unknown: Annotated[bool, NEEDS_ATTENTION] = False
    """Put the source token that attention was on in the place of <unk>; pieces hardly need it."""
    language_model: str = ""
    """A run of a language model of sentences with the same target vocabulary, which has a word in
    every step: shallow fusion (Gülçehre et al. 2015)."""
    language_model_weight: Annotated[NonNegativeFloat, only_if("language_model")] = 0.2
    """What its log-probabilities count."""
    batch_size: PositiveInt = 256
    """The most sentences searched at the same time; never changes the result. On a GPU sixteen
    times as many, and so of the next one, unless one of the two is set."""
    batch_tokens: PositiveInt = 8192
    """The most source tokens searched at the same time, those of a sentence counted once for each
    of its hypotheses: of long sentences fewer at a time. Never changes the result."""
    precision: Precision = "float32"
    """Of matrix products. bfloat16 is up to twice as fast where the processor has it, and has three
    digits: of tokens that are all but equally probable, it may take another."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        if 0 < self.max_length < self.min_length:
            yield (
                f"--decoding.min-length {self.min_length} is above --decoding.max-length "
                f"{self.max_length}"
            )
        if self.method == "diverse-beam" and self.beam_size % max(self.groups, 1):
            yield (
                f"--decoding.beam-size {self.beam_size} can't be divided among --decoding.groups "
                f"{self.groups}"
            )
        if self.shortlist and self.language_model:
            yield (
                "--decoding.shortlist can't be used with --decoding.language-model, which is "
                "computed for the whole vocabulary"
            )

    def too_many(self, size: int, tokens: str) -> Iterator[str]:
        """A line for each setting that counts tokens, and counts more than there are.

        Args:
            size: of the target vocabulary.
            tokens: that size, in words.
        """
        samples = self.method in SAMPLING_METHODS
        name, value = ("top-k", self.top_k) if samples else ("beam-size", self.beam_size)
        if value > size:
            yield (
                f"--decoding.{name} {value} is more than the target vocabulary has, {tokens}: "
                "lower it"
            )
