"""The command line, ``seq2seq train | translate | score | …``.

stdout carries results, stderr the rest. A known error is one message and exit code 2; an unknown
one, that is a bug, keeps its traceback. What takes long to import is imported when all the options
are known to be right: help and mistakes are answered at once.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import seq2seq
from seq2seq.cli.compare import analyze_command, compare_command
from seq2seq.cli.evaluate import evaluate_command
from seq2seq.cli.exposure import exposure_command
from seq2seq.cli.lm import LANGUAGE_COMMANDS
from seq2seq.cli.rerank import rerank_command
from seq2seq.cli.train import plot_command, train_command
from seq2seq.cli.translate import score_command, translate_command
from seq2seq.console import fail, run_command

Command = Callable[[list[str]], None]

COMMANDS: dict[str, Command] = {
    "train": train_command,
    "translate": translate_command,
    "rerank": rerank_command,
    "score": score_command,
    "evaluate": evaluate_command,
    "compare": compare_command,
    "analyze": analyze_command,
    "exposure": exposure_command,
    "plot": plot_command,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of ``seq2seq``; exits with 0, or 2 after a user's mistake."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments and arguments[0] in ("--version", "-V"):
        print(f"seq2seq {seq2seq.__version__}")
    elif arguments and arguments[0] == "lm":
        dispatch("seq2seq lm", LANGUAGE_COMMANDS, arguments[1:])
    else:
        dispatch("seq2seq", COMMANDS, arguments)


def dispatch(prog: str, commands: Mapping[str, Command], arguments: list[str]) -> None:
    """Runs the command that the first argument names."""
    given = arguments[0] if arguments else ""
    if given in commands:
        run_command(partial(commands[given], arguments[1:]))
    elif given in ("--help", "-h"):
        print(usage(prog, commands))
    else:
        others = ["lm", "--version", "--help"] if commands is COMMANDS else ["--help"]
        close = difflib.get_close_matches(given, [*commands, *others], n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        what = f"unknown command {given}{hint}" if given else "no command given"
        fail(f"{what}\n\n{usage(prog, commands)}")


def usage(prog: str, commands: Mapping[str, Command]) -> str:
    """The commands, a line each."""
    whole = commands is COMMANDS
    lines = [f"  {prog} {name:10} {command.__doc__}" for name, command in commands.items()]
    if whole:
        lines.append("  seq2seq lm         Language models: seq2seq lm --help")
    what = "recurrent sequence-to-sequence translation" if whole else "language models"
    return "\n".join(
        [
            f"{prog}: {what}",
            "",
            *lines,
            "",
            f"  {prog} COMMAND --help   all of a command's options",
            *["  seq2seq --version"] * whole,
        ]
    )
