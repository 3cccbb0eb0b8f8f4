"""What commands that translate have in common."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, TypeAlias, TypeVar

import tyro

from seq2seq.arguments import load
from seq2seq.errors import SettingsError
from seq2seq.settings import DecodingSettings, Experiment

RunArgument: TypeAlias = Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
FileArgument: TypeAlias = Annotated[str, tyro.conf.arg(metavar="FILE")]
CommandT = TypeVar("CommandT", bound="DecodingCommand")


@dataclass(frozen=True)
class DecodingCommand:
    """What commands that translate have in common."""

    run: RunArgument
    """The run directory."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto takes what is there."""
    decoding: DecodingSettings = field(default_factory=DecodingSettings)
    """How to search; the defaults are the run's."""


def parse_decoding(kind: type[CommandT], arguments: list[str], prog: str) -> CommandT:
    """A command that translates; what is not given on the command line is as the run says."""
    command = tyro.cli(kind, prog=prog, args=arguments)
    stored = load(command.run, Experiment).decoding
    command = tyro.cli(kind, prog=prog, args=arguments, default=replace(command, decoding=stored))
    if problems := list(command.decoding.problems()):
        raise SettingsError("\n".join(problems))
    return command
