"""An experiment: one run, described to the last option."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar, cast

from seq2seq.config.about import AboutSettings
from seq2seq.config.arguments import describe_value
from seq2seq.config.base import field_problems, find_problems, flatten, parts, to_dict
from seq2seq.config.changes import check_unused, fixed_changes
from seq2seq.config.data import DataSettings
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.fields import FIXED, Range
from seq2seq.config.fitted import TextSize, fit_settings
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import Monitor, TrainingSettings
from seq2seq.errors import SettingsError

Tokenization = Literal[
    "13a", "intl", "zh", "ja-mecab", "ko-mecab", "char", "flores101", "flores200", "none"
]
Device = Literal["auto", "cpu", "cuda", "mps"]

ExperimentT = TypeVar("ExperimentT", bound="BaseExperiment")


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
    """The run directory: everything that is needed to use the model is written there. --run-dir is
    the same: torchrun takes --run for an option of its own."""
    seed: Annotated[int, Range(0, 2**32 - 1), FIXED] = 1
    """Where every random number comes from."""
    resume: bool = False
    """Continue the run in the run directory."""
    overwrite: bool = False
    """Begin anew where there is a run already: it is deleted."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""
    monitor: Monitor = "none"
    """tensorboard: what metrics.jsonl has is also written for TensorBoard, into the run directory;
    tensorboard --logdir shows it while the model trains."""

    @classmethod
    def check_is_one(cls, value: object, function: str) -> None:
        """Raises SettingsError where something else is handed to a function that trains."""
        if not isinstance(value, cls):
            name = cls.__name__
            raise SettingsError(
                f"{function} takes a description of what to train, and not "
                f'{describe_value(value)}: {function}({name}(run="runs/mine", data=…)), where '
                'data names the text, as DataSettings(train="pairs.tsv")'
            )

    def __post_init__(self) -> None:
        """Checks everything; raises `SettingsError` with all the mistakes."""
        if isinstance(self.run, Path):
            object.__setattr__(self, "run", str(self.run))
        if problems := find_problems(self):
            raise InvalidExperimentError("\n".join(problems), self)

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training.

        A trained model may have been made with such settings: it can be loaded, and continued.
        """
        for part, where in parts(self):
            yield from field_problems(part, where, self, in_training=True)
            if part is not self and hasattr(part, "training_problems"):
                yield from part.training_problems()

    def resume_problems(self, stored: BaseExperiment) -> Iterator[str]:
        """A line if a continued run is to have another model, text, optimizer or seed than before.

        Text may have moved; whether it is the same is seen when it is read.
        """
        if changed := fixed_changes(stored, self):
            yield (
                "--resume continues a run as it was begun, so this can't change: "
                f"{', '.join(changed)}. Leave it out, or train another run with --run"
            )

    def notes(self) -> Iterator[str]:
        """One line for each setting that is no mistake, but may surprise."""
        for part, _ in parts(self):
            if part is not self and hasattr(part, "notes"):
                yield from part.notes()

    def problems(self) -> Iterator[str]:
        """One line for each impossible combination of parts."""
        if self.resume and self.overwrite:
            yield "--resume and --overwrite exclude each other: continue the run, or delete it"


def base_class(kind: type[BaseExperiment]) -> type[BaseExperiment]:
    """The class whose fields describe a run of this kind; what a recipe adds is not among them."""
    return next(each for each in kind.__mro__ if "KIND" in vars(each))


def with_settings(experiment: ExperimentT, settings: Mapping[str, Any]) -> ExperimentT:
    """Returns an experiment with other settings, by their full names, of the right types.

    What is impossible about it is found where more settings, or none, have been put over these.
    """
    try:
        return cast(ExperimentT, _replaced(experiment, settings))
    except InvalidExperimentError as error:
        return cast(ExperimentT, error.experiment)


def _replaced(settings: Any, values: Mapping[str, Any]) -> Any:
    """Settings with other values, by their full names."""
    changes: dict[str, Any] = {}
    parts: dict[str, dict[str, Any]] = {}
    for full_name, value in values.items():
        part, dot, name = full_name.partition(".")
        if dot:
            parts.setdefault(part, {})[name] = value
        else:
            changes[part] = value
    for part, inside in parts.items():
        changes[part] = _replaced(getattr(settings, part), inside)
    return replace(settings, **changes)


@dataclass(frozen=True)
class Experiment(BaseExperiment):
    """One run of a translation model, to the last option."""

    KIND = "translation model"

    dry_run: bool = False
    """Show settings, text, model, memory and a batch; nothing is trained, nothing is written."""
    tokenize: Annotated[Tokenization, FIXED] = "13a"
    """sacreBLEU's tokenization, which BLEU counts words by: 13a, or zh, ja-mecab, char, … for a
    target language that needs it."""
    data: Annotated[DataSettings, FIXED] = field(default_factory=DataSettings)
    model: Annotated[ModelSettings, FIXED] = field(default_factory=ModelSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    decoding: DecodingSettings = field(default_factory=DecodingSettings)
    about: AboutSettings = field(default_factory=AboutSettings)

    @classmethod
    def fitted(
        cls,
        corpus: Iterable[tuple[str, str]],
        *,
        minutes: float | None = None,
        epochs: float | None = None,
        max_steps: int | None = None,
        **settings: Any,
    ) -> Self:
        """Returns an experiment whose settings fit the size of a text, and a budget.

            corpus = ParallelCorpus.read("pairs.tsv")
            data = DataSettings(train="pairs.tsv")
            train(Experiment.fitted(corpus, minutes=20, run="runs/mine", data=data))

        `seq2seq.config.fitted` has the rules. Time is counted as that of two processor cores.

        Args:
            corpus: the pairs to learn from.
            minutes, epochs, max_steps: the budget, as in `TrainingSettings`; one of them at least.
            settings: as for the class. In its parts nothing tells a given setting from a default:
                one that has its default value counts as not given, and may be replaced.

        Raises:
            SettingsError: there is no budget, or settings are impossible.
        """
        given = cls(**settings)
        budget: dict[str, Any] = {"minutes": minutes, "epochs": epochs, "max_steps": max_steps}
        budget = {name: value for name, value in budget.items() if value is not None}
        given = replace(given, training=replace(given.training, **budget))
        if not given.training.has_budget:
            raise SettingsError("no budget: give minutes, epochs or max_steps")
        usual = flatten(to_dict(cls()))
        stated = [name for name, value in flatten(to_dict(given)).items() if value != usual[name]]
        size = TextSize.of(corpus, given.data.tokenizer)
        return with_settings(given, given.fit(size, stated))

    def fit(self, size: TextSize, stated: Collection[str], speed: float = 1.0) -> dict[str, Any]:
        """Returns the settings that fit a text; arguments as for `fit_settings`."""
        return fit_settings(size, self.data, self.model, self.training, stated, speed)

    def problems(self) -> Iterator[str]:
        """One line for each impossible combination of parts."""
        yield from super().problems()
        if self.model.shared_embedding and not self.data.joint:
            yield "--model.shared-embedding needs --data.joint; or add --model.no-shared-embedding"
        yield from self.vocabulary_problems()
        yield from self.initial_weight_problems()
        if self.decoding.language_model:  # what a run names would be read by whoever loads it
            yield (
                "--decoding.language-model is no part of a run: name it where you translate, as in "
                f"seq2seq translate RUN --decoding.language-model {self.decoding.language_model}"
            )

    def vocabulary_problems(self) -> Iterator[str]:
        """One line for each setting that a vocabulary of another run leaves without effect."""
        encoder, decoder = self.model.initialize_encoder, self.model.initialize_decoder
        if encoder and decoder:
            names = ("tokenizer", "vocab_size", "min_frequency", "character_coverage")
            because = (
                f"--model.initialize-encoder {encoder} and --model.initialize-decoder {decoder}"
            )
            yield from check_unused(self.data, "--data.", dict.fromkeys(names, False), because)
        if encoder and self.data.joint:
            yield (
                "--data.joint is one vocabulary for both sides, and --model.initialize-encoder "
                "brings the source side's own: leave one of them out"
            )
        if self.model.initialize and (encoder or decoder):
            yield (
                "--model.initialize gives all weights: leave out --model.initialize-encoder and "
                "--model.initialize-decoder"
            )
        if self.data.vocabulary and (self.model.initialize or encoder or decoder):
            yield "--data.vocabulary and --model.initialize… both bring vocabularies: give one"
        new = self.data.new_vocabulary
        if new in ("source", "target") and self.model.shared_embedding:
            yield (
                f"--data.new-vocabulary {new} leaves nothing for --model.shared-embedding to "
                "share: take both, with --data.joint"
            )
        if self.model.embedding == "one-hot" and (self.data.extend_vocabulary or new != "none"):
            yield "--model.embedding one-hot has no rows of tokens, so that the vocabulary stays"

    def initial_weight_problems(self) -> Iterator[str]:
        """One line for each setting that clashes with where the weights come from."""
        model = self.model
        given = [model.initialize, model.initialize_encoder, model.initialize_decoder]
        if self.training.l2_to_initial and not any(given):
            yield (
                f"--training.l2-to-initial {self.training.l2_to_initial} has no effect without "
                "another run's weights: add --model.initialize RUN"
            )
        for side, run in zip(("source", "target"), given[1:], strict=True):
            flag = f"--model.{side}-vectors"
            if getattr(model, f"{side}_vectors") and (model.initialize or run):
                yield f"{flag} and --model.initialize… both bring embeddings: give one"
            if getattr(model, f"{side}_vectors") and model.embedding == "one-hot":
                yield f"{flag} has no effect with --model.embedding one-hot, which has no vectors"
        if model.source_vectors and model.target_vectors and model.shared_embedding:
            yield (
                "--model.source-vectors and --model.target-vectors are two embeddings, and "
                "--model.shared-embedding is one: give one file, with the words of both sides"
            )

    def training_problems(self) -> Iterator[str]:
        """One line for each setting that is of no use to a training."""
        yield from super().training_problems()
        yield from self.training.batch_problems()
        if not self.model.initialize_decoder:
            data = self.data
            size, flag = data.target_vocab_size, "--data.target-vocab-size"
            if not size:
                size, flag = data.vocab_size, "--data.vocab-size"
            yield from self.decoding.too_many(size, f"{flag} {size} tokens")
