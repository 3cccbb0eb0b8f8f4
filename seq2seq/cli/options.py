"""What commands that translate or score have in common."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, TypeVar

import tyro

from seq2seq.cli.parse import load_settings
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.runs.files import finite_or_none
from seq2seq.training.preflight import device_problems

if TYPE_CHECKING:
    from seq2seq.translation.translator import Translator

RunArgument: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
RunArguments: TypeAlias = Annotated[tuple[str, ...], tyro.conf.arg(metavar="RUN [RUN ...]")]
FileArgument: TypeAlias = Annotated[str, tyro.conf.arg(metavar="FILE")]
CommandT = TypeVar("CommandT", bound="DecodingCommand")


@dataclass(frozen=True)
class ModelCommand:
    """What commands that use a trained model have in common."""

    run: RunArgument
    """The run directory."""
    ensemble: RunArguments = ()
    """Other run directories with the same target vocabulary: probabilities are averaged."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes what is there."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible option."""
        runs = (self.run, *self.ensemble)
        if len({os.path.realpath(run) for run in runs}) < len(runs):
            yield (
                "--ensemble names a run twice (RUN is part of the ensemble itself): "
                f"{', '.join(runs)}"
            )
        yield from device_problems(self.device)


@dataclass(frozen=True)
class DecodingCommand(ModelCommand):
    """What commands that translate have in common."""

    decoding: DecodingSettings = field(default_factory=DecodingSettings)
    """How to search; the defaults are the run's."""

    def problems(self) -> Iterator[str]:
        """One line for each impossible option."""
        yield from self.decoding.problems()
        yield from super().problems()


def parse_decoding(kind: type[CommandT], arguments: list[str], prog: str) -> CommandT:
    """A command that translates; what is not given on the command line is as the run says.

    Its `problems` are still to be refused.
    """
    command = tyro.cli(kind, prog=prog, args=arguments)
    stored = load_settings(command.run, Experiment).decoding
    again = tyro.cli(kind, prog=prog, args=arguments, default=replace(command, decoding=stored))
    # Nothing else: with a default, RUN itself could be taken for one of several values before it.
    return replace(command, decoding=again.decoding)


def load_translator(command: ModelCommand) -> Translator:
    """The translator that a command asks for, with its decoding settings if it has any.

    Raises:
        RunError, SettingsError: as `Translator.load`; or a setting needs attention, and there is
            none.
    """
    from seq2seq.translation.translator import Translator

    translator = Translator.load(command.run, command.device, ensemble=command.ensemble)
    if isinstance(command, DecodingCommand):
        translator.settings = command.decoding
        translator.with_settings({})  # found out before anything is read
    return translator


def print_figures(figures: Mapping[str, float], *, as_json: bool = False) -> None:
    """A line for each figure, counts with commas; or a JSON object."""
    if as_json:
        print(json.dumps(finite_or_none(figures)))
        return
    for name, value in figures.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
        print(f"{name.replace('_', ' '):21} {shown}")
