"""What commands that translate or score have in common."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, TypeVar

import tyro

from seq2seq.arguments import load
from seq2seq.decoding_settings import DecodingSettings
from seq2seq.errors import SettingsError
from seq2seq.settings import Experiment
from seq2seq.storage import finite

if TYPE_CHECKING:
    from seq2seq.translator import Translator

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


@dataclass(frozen=True)
class DecodingCommand(ModelCommand):
    """What commands that translate have in common."""

    decoding: DecodingSettings = field(default_factory=DecodingSettings)
    """How to search; the defaults are the run's."""


def parse_decoding(kind: type[CommandT], arguments: list[str], prog: str) -> CommandT:
    """A command that translates; what is not given on the command line is as the run says."""
    command = tyro.cli(kind, prog=prog, args=arguments)
    stored = load(command.run, Experiment).decoding
    again = tyro.cli(kind, prog=prog, args=arguments, default=replace(command, decoding=stored))
    # Nothing else: with a default, RUN itself could be taken for one of several values before it.
    command = replace(command, decoding=again.decoding)
    if problems := list(command.decoding.problems()):
        raise SettingsError("\n".join(problems))
    return command


def load_translator(command: ModelCommand) -> Translator:
    """The translator that a command asks for, with its decoding settings if it has any.

    Raises:
        RunError, SettingsError: as `Translator.load`; or a setting needs attention, and there is
            none.
    """
    runs = [os.path.realpath(run) for run in (command.run, *command.ensemble)]
    if len(set(runs)) < len(runs):
        raise SettingsError(
            "--ensemble names a run twice (RUN is part of the ensemble itself): "
            f"{', '.join((command.run, *command.ensemble))}"
        )
    from seq2seq.translator import Translator

    translator = Translator.load(command.run, command.device, ensemble=command.ensemble)
    if isinstance(command, DecodingCommand):
        translator.settings = command.decoding
        translator.with_settings({})  # found out before anything is read
    return translator


def print_figures(figures: Mapping[str, float], *, as_json: bool = False) -> None:
    """A line for each figure, counts with commas; or a JSON object."""
    if as_json:
        print(json.dumps(finite(figures)))
        return
    for name, value in figures.items():
        shown = f"{value:,}" if isinstance(value, int) else f"{value:.4f}"
        print(f"{name.replace('_', ' '):21} {shown}")
