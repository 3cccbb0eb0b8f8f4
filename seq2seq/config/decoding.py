"""How a sentence is searched for: the settings of decoding, which can change with every call."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from seq2seq.config.base import check_min, check_unused, flag_name

MAX_TOKENS = 10_000
"""The most tokens that any limit on sentences allows: search takes time for each of them."""


@dataclass(frozen=True)
class DecodingSettings:
    """How a sentence is searched for."""

    method: Literal["beam", "diverse-beam", "sample", "mbr"] = "beam"
    """beam: the most probable. diverse-beam: groups that avoid each other (Vijayakumar et al.
    2018). sample: drawn from the model. mbr: of many samples, the one most like all others (Kumar &
    Byrne 2004; Eikema & Aziz 2020)."""
    beam_size: int = 5
    """Hypotheses kept at each step; 1 is greedy search."""
    length_penalty: float = 1.0
    """The α of Wu et al. (2016): 0 prefers short sentences, 1 divides by about the length."""
    coverage_penalty: float = 0.0
    """The β of Wu et al. (2016): how much source tokens that attention has passed over cost. Sharp
    attention, which rightly passes over many, bears little of it: try 0.05 first."""
    no_repeat_ngram: int = 0
    """No sequence of so many tokens comes twice in a hypothesis. 0: off."""
    min_length: int = 0
    """A hypothesis has at least this many tokens, even where the limits below say less."""
    max_length: int = 0
    """A hypothesis has at most this many tokens. 0: as the next two say."""
    max_length_ratio: float = 2.0
    """A hypothesis has at most this many times the source's tokens, …"""
    max_length_extra: int = 10
    """… plus this many."""
    max_source_length: int = 500
    """A source with more tokens is cut there, with a warning."""
    groups: int = 5
    """For diverse-beam: how many groups share the beam."""
    diversity: float = 0.5
    """For diverse-beam: what a token costs for each earlier group that took it at this step."""
    temperature: float = 1.0
    """For samples: below 1 nearer to the most probable, above 1 farther from it."""
    top_k: int = 0
    """For samples: from the so many most probable tokens only (Fan et al. 2018). 0: all."""
    top_p: float = 1.0
    """For samples: from the most probable tokens that have this much probability together (Holtzman
    et al. 2020)."""
    samples: int = 32
    """For mbr: how many samples to choose from."""
    utility: Literal["chrf", "bleu"] = "chrf"
    """For mbr: how alike two samples are."""
    seed: int = 1
    """For samples: a sentence gets the same ones with the same seed, whatever stands around it."""
    replace_unknown: bool = False
    """Put the source token that attention was on in the place of <unk>; pieces hardly need it."""
    language_model: str = ""
    """A run of a language model of sentences with the same target vocabulary, which has a word in
    every step: shallow fusion (Gülçehre et al. 2015)."""
    language_model_weight: float = 0.2
    """What its log-probabilities count."""
    batch_size: int = 64
    """Sentences searched at the same time; never changes the result."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible setting."""
        for name in (
            "beam_size", "max_length_extra", "max_source_length", "batch_size", "groups",
        ):  # fmt: skip
            yield from check_min(f"--decoding.{flag_name(name)}", getattr(self, name), 1)
        for name in (
            "length_penalty", "coverage_penalty", "no_repeat_ngram", "min_length", "max_length",
            "max_length_ratio", "diversity", "top_k", "seed", "language_model_weight",
        ):  # fmt: skip
            yield from check_min(f"--decoding.{flag_name(name)}", getattr(self, name), 0)
        yield from check_min("--decoding.samples", self.samples, 2)
        for name, most in (
            ("max_length_ratio", 100), ("max_length_extra", MAX_TOKENS), ("max_length", MAX_TOKENS),
            ("min_length", MAX_TOKENS), ("max_source_length", MAX_TOKENS),
        ):  # fmt: skip
            if most < getattr(self, name) < math.inf:
                yield f"--decoding.{flag_name(name)} {getattr(self, name)} must be at most {most}"
        if not 0 < self.temperature < math.inf:
            yield f"--decoding.temperature {self.temperature} must be above 0 and finite"
        if not 0 < self.top_p <= 1:
            yield f"--decoding.top-p {self.top_p} is not in (0, 1]"
        if self.max_length and self.min_length > self.max_length:
            yield (
                f"--decoding.min-length {self.min_length} is above --decoding.max-length "
                f"{self.max_length}"
            )
        if self.method == "mbr" and self.coverage_penalty > 0:
            yield (
                f"--decoding.coverage-penalty {self.coverage_penalty} has no effect with "
                "--decoding.method mbr, which ranks by utility: set it to 0"
            )
        draws = self.method in ("sample", "mbr")
        yield from check_unused(
            self,
            "--decoding.",
            {
                **dict.fromkeys(("groups", "diversity"), self.method == "diverse-beam"),
                **dict.fromkeys(("temperature", "top_k", "top_p"), draws),
                **dict.fromkeys(("samples", "utility"), self.method == "mbr"),
            },
            f"--decoding.method {self.method}",
        )
        weight = {"language_model_weight": bool(self.language_model)}
        yield from check_unused(self, "--decoding.", weight, "no --decoding.language-model")
        if self.method == "diverse-beam" and self.beam_size % max(self.groups, 1):
            yield (
                f"--decoding.beam-size {self.beam_size} can't be divided among --decoding.groups "
                f"{self.groups}"
            )

    def too_many(self, size: int, tokens: str) -> Iterator[str]:
        """A line for each setting that counts tokens, and counts more than there are.

        Args:
            size: of the target vocabulary.
            tokens: that size, in words.
        """
        names = ["beam_size"] if self.method in ("beam", "diverse-beam") else ["top_k"]
        for name in names:
            if getattr(self, name) > size:
                yield (
                    f"--decoding.{flag_name(name)} {getattr(self, name)} is more than the target "
                    f"vocabulary has, {tokens}: lower it"
                )
