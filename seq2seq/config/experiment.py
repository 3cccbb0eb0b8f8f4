"""An experiment: one run, described to the last option."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from seq2seq.config.base import check_unused, flag_name, type_problems
from seq2seq.config.data import DataSettings
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings
from seq2seq.errors import SettingsError

Tokenization = Literal[
    "13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "flores101", "flores200", "none"
]


class InvalidExperimentError(SettingsError):
    """What making an experiment with impossible settings raises.

    Attributes:
        experiment: what was to be made, so that more can be found out about it.
    """

    def __init__(self, problems: str, experiment: BaseExperiment) -> None:
        super().__init__(problems)
        self.experiment = experiment


@dataclass(frozen=True)
class BaseExperiment:
    """What every run has: of a translation model, or of a language model."""

    KIND = "model"

    run: str = ""
    """The run directory: everything that is needed to use the model is written there."""
    seed: int = 1
    """Where every random number comes from."""
    resume: bool = False
    """Continue the run in the run directory."""
    overwrite: bool = False
    """Begin anew where there is a run already: it is deleted."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes what is there."""

    def __post_init__(self) -> None:
        """Checks everything; raises `SettingsError` with all the mistakes."""
        wrong = type_problems(self)
        problems = list(wrong)
        # What has a wrong type can't be compared; parts whose types are right are checked further.
        for item in dataclasses.fields(self):
            part = getattr(self, item.name)
            if dataclasses.is_dataclass(part) and not type_problems(part):
                problems += cast(Any, part).problems()
        if not wrong:
            problems += self.problems()
        if problems:
            raise InvalidExperimentError("\n".join(problems), self)

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training.

        A trained model may have been made with such settings: it can be loaded, and continued.
        """
        yield from self.said_by_parts("training_problems")

    def notes(self) -> Iterator[str]:
        """One line for each setting that is no mistake, but may surprise."""
        yield from self.said_by_parts("notes")

    def said_by_parts(self, name: str) -> Iterator[str]:
        """The lines of this method of each part that has it."""
        for item in dataclasses.fields(self):
            part = getattr(self, item.name)
            if hasattr(part, name):
                yield from getattr(part, name)()

    def problems(self) -> Iterator[str]:
        """One line for each impossible combination of parts, and for what is in no part."""
        if not 0 <= self.seed < 2**32:
            yield f"--seed {self.seed} is not from 0 to {2**32 - 1}"
        if self.resume and self.overwrite:
            yield "--resume and --overwrite exclude each other: continue the run, or delete it"


@dataclass(frozen=True)
class Experiment(BaseExperiment):
    """One run of a translation model, to the last option."""

    KIND = "translation model"

    dry_run: bool = False
    """Show settings, text, model, memory and a batch; nothing is trained, nothing is written."""
    tokenize: Tokenization = "13a"
    """sacreBLEU's tokenization, which BLEU counts words by: 13a, or zh, ja-mecab, char, … for a
    target language that needs it."""
    data: DataSettings = field(default_factory=DataSettings)
    model: ModelSettings = field(
        # ModelSettings by itself is the plain context model; whoever asks for nothing gets what
        # the recipes came out best with.
        default_factory=lambda: ModelSettings(
            cell="lstm",
            context="initial",
            attention="scaled-general",
            lexical=True,
            encoder_sizes=(384,),
        )
    )
    training: TrainingSettings = field(default_factory=TrainingSettings)
    decoding: DecodingSettings = field(default_factory=DecodingSettings)

    def problems(self) -> Iterator[str]:
        """One line for each impossible combination of parts, and for what is in no part."""
        yield from super().problems()
        if self.model.shared_embedding and not self.data.joint:
            yield "--model.shared-embedding needs --data.joint; or add --model.no-shared-embedding"
        yield from self.without_effect()
        if self.model.attention == "none":
            for name in ("coverage_penalty", "replace_unknown"):
                if getattr(self.decoding, name):
                    yield f"--decoding.{flag_name(name)} needs a model with attention"
        if self.decoding.language_model:  # what a run names would be read by whoever loads it
            yield (
                "--decoding.language-model is no part of a run: name it where you translate, as in "
                f"seq2seq translate RUN --decoding.language-model {self.decoding.language_model}"
            )

    def without_effect(self) -> Iterator[str]:
        """One line for each setting that another one leaves without effect."""
        kind = self.model.attention
        used = {
            "attention_size": kind in ("additive", "multi-head"),
            "attention_heads": kind == "multi-head",
            "attention_window": kind == "local",
        }
        yield from check_unused(self.model, "--model.", used, f"--model.attention {kind}")
        averages = {"average_count": self.training.average != "none"}
        yield from check_unused(self.training, "--training.", averages, "--training.average none")
        taken = self.model.initialize_decoder
        own = dict.fromkeys(("target_tokenizer", "target_vocab_size", "joint"), not taken)
        yield from check_unused(self.data, "--data.", own, f"--model.initialize-decoder {taken}")
        taken = self.model.initialize_encoder
        own = dict.fromkeys(("tokenizer", "vocab_size", "min_frequency"), not taken)
        if taken and self.model.initialize_decoder:
            yield from check_unused(
                self.data, "--data.", own, f"--model.initialize-encoder {taken}"
            )
        if taken and self.data.joint:
            yield (
                "--data.joint is one vocabulary for both sides, and --model.initialize-encoder "
                "brings the source side's own: leave one of them out"
            )
        if self.data.vocabulary and (taken or self.model.initialize_decoder):
            yield "--data.vocabulary and --model.initialize-… both bring vocabularies: give one"
        samples = {"sampled_side": self.data.subword_sampling > 0}
        yield from check_unused(self.data, "--data.", samples, "--data.subword-sampling 0")

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training."""
        yield from super().training_problems()
        if self.training.batch_tokens < 2:
            yield (
                f"--training.batch-tokens {self.training.batch_tokens} is less than a single "
                "sentence of one token and its end: raise it"
            )
        if not self.model.initialize_decoder:
            own = "vocab_size" if not self.data.target_vocab_size else "target_vocab_size"
            size = getattr(self.data, own)
            because = f"--data.{flag_name(own)} {size} tokens"
            yield from self.decoding.too_many(size, because)
