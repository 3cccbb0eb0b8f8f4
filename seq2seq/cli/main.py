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
from typing import NamedTuple

import seq2seq
from seq2seq.cli import lm
from seq2seq.cli.analyses import ahead_command, exposure_command
from seq2seq.cli.card import card_command
from seq2seq.cli.clean import clean_command
from seq2seq.cli.compare import analyze_command, compare_command
from seq2seq.cli.evaluate import evaluate_command
from seq2seq.cli.export import export_command
from seq2seq.cli.gates import gates_command
from seq2seq.cli.lm_gradients import gradients_command
from seq2seq.cli.lm_stats import stats_command
from seq2seq.cli.prepare import prepare_command
from seq2seq.cli.push import push_command
from seq2seq.cli.report import report_command
from seq2seq.cli.rerank import rerank_command
from seq2seq.cli.score import score_command
from seq2seq.cli.serve import serve_command
from seq2seq.cli.show import show_command
from seq2seq.cli.tokenize import tokenize_command
from seq2seq.cli.torchrun import one_process
from seq2seq.cli.train import plot_command, train_command
from seq2seq.cli.translate import translate_command
from seq2seq.console import run_command, setup_process
from seq2seq.errors import SettingsError

Command = Callable[[list[str]], None]


class Group(NamedTuple):
    """Commands that begin with the same words, by their next word; and what they are about."""

    title: str
    commands: Mapping[str, Command | Group]


LANGUAGE_MODELS = Group(
    "Language models",
    {
        "train": lm.train_command,
        "score": lm.score_command,
        "generate": lm.generate_command,
        "stats": stats_command,
        "ngram": lm.ngram_command,
        "arpa": lm.arpa_command,
        "ahead": ahead_command,
        "gradients": gradients_command,
    },
)
COMMANDS = Group(
    "Recurrent sequence-to-sequence translation",
    {
        "train": train_command,
        "translate": translate_command,
        "rerank": rerank_command,
        "score": score_command,
        "evaluate": evaluate_command,
        "compare": compare_command,
        "analyze": analyze_command,
        "exposure": exposure_command,
        "gates": gates_command,
        "clean": clean_command,
        "prepare": prepare_command,
        "tokenize": tokenize_command,
        "export": export_command,
        "card": card_command,
        "push": push_command,
        "serve": serve_command,
        "show": show_command,
        "report": report_command,
        "plot": plot_command,
        "lm": LANGUAGE_MODELS,
    },
)
"""Each command parses its own arguments: a training's defaults are those of the run that it
continues, and so are a translation's, so that no parser can be made before the run is known."""
TRAININGS = (train_command, lm.train_command)
"""Commands that several processes of torchrun share."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs ``seq2seq``; exits with 0, or with 2 after a user's mistake.

    Arguments are as they were typed; None stands for those of this program.
    """
    setup_process()
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] in (["--version"], ["-V"]):
        print(f"seq2seq {seq2seq.__version__}")
    else:
        run_command(partial(dispatch, "seq2seq", COMMANDS, arguments))


def dispatch(prog: str, group: Group, arguments: list[str]) -> None:
    """Runs the command that the first argument names; SettingsError if there is none."""
    given = arguments[0] if arguments else ""
    command = group.commands.get(given)
    if isinstance(command, Group):
        dispatch(f"{prog} {given}", command, arguments[1:])
    elif command is not None:
        if command not in TRAININGS:
            one_process(f"{prog} {given}")
        command(arguments[1:])
    elif given in ("--help", "-h"):
        print(usage(prog, group))
    else:
        known = known_words(group)
        close = difflib.get_close_matches(given, known, n=1)
        hint = f" (did you mean {known[close[0]]}?)" if close else ""
        what = f"unknown command {given}{hint}" if given else "no command given"
        raise SettingsError(f"{what}\n\n{usage(prog, group)}")


def known_words(group: Group) -> dict[str, str]:
    """Returns what may have been meant by a misspelt word, and how it is typed."""
    known = {word: word for word in (*group.commands, "--help", "--version")}
    for name, command in group.commands.items():
        if isinstance(command, Group):
            known = {word: f"{name} {word}" for word in command.commands} | known
    return known


def usage(prog: str, group: Group) -> str:
    """Returns the commands of a group, a line each."""
    lines = []
    for name, command in group.commands.items():
        if isinstance(command, Group):
            text = f"{command.title}: {prog} {name} --help"
        else:
            text = command.__doc__ or ""
        lines.append(f"  {prog} {name:10} {text}")
    lines += ["", f"  {prog} COMMAND --help   all of a command's options"]
    if group is COMMANDS:
        lines.append(f"  {prog} --version")
    return "\n".join([f"{prog}: {group.title}", "", *lines])
