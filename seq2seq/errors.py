"""What can go wrong through no fault of ours, as one small tree.

    Seq2SeqError          anything below; the command line prints it and exits with code 2
    ├── SettingsError     a setting that is unknown, impossible, or clashes with another
    ├── DataError         a corpus, text or vocabulary that can't be used as it is
    ├── RunError          a run directory that is missing, incomplete, damaged or in the way
    └── TrainingError     training can't go on: a loss that is not finite, no step in the budget

Every message says what is wrong, where, and what to do. A bug is not in this tree: it keeps its
traceback.
"""

from __future__ import annotations

import re
from contextvars import ContextVar

ON_COMMAND_LINE: ContextVar[bool] = ContextVar("ON_COMMAND_LINE", default=False)
"""Whether it is a program of ours that prints the messages."""

_FLAG = re.compile(
    r"--(run DIR|(?:about|data|model|training|decoding|generation)\.[\w.-]*\w"
    r"|run|resume|overwrite|seed|device)\b"
)


class Seq2SeqError(Exception):
    """The root of every error that a user can do something about.

    Messages name settings as they are typed on the command line; in Python, as they are there.
    """

    def __str__(self) -> str:
        message = super().__str__()
        return message if ON_COMMAND_LINE.get() else in_python(message)


def in_python(message: str) -> str:
    """A message with the names of settings as Python has them; commands to type stay as they are.

    >>> in_python("--model.encoder-sizes () is empty; or add --model.no-tied-output")
    'model.encoder_sizes () is empty; or add model.tied_output=False'
    >>> in_python("give --run DIR, or delete it with --overwrite")
    'give run="DIR", or delete it with overwrite=True'
    """

    def rename(match: re.Match[str]) -> str:
        if re.search(r"\b(seq2seq|python) [\w./]+ [^:;]*$", message[: match.start()]):
            return match[0]
        if match[1] == "run DIR":
            return 'run="DIR"'
        if match[1] in ("resume", "overwrite") and match.string[: match.start()].endswith("with "):
            return f"{match[1]}=True"
        group, dot, name = match[1].replace("-", "_").rpartition(".")
        off = re.sub(r"^no_(?!repeat_ngram$)", "", name)  # the one setting that begins so
        return f"{group}{dot}{off}=False" if off != name else f"{group}{dot}{name}"

    return _FLAG.sub(rename, message)


class SettingsError(Seq2SeqError):
    """A setting is unknown, impossible by itself, or impossible together with another one."""


class DataError(Seq2SeqError):
    """Text, a corpus or a vocabulary is not as it must be; the message gives file and line."""


class RunError(Seq2SeqError):
    """A run directory is missing, incomplete, damaged, or already there."""


class TrainingError(Seq2SeqError):
    """Training cannot go on; the message gives the step and what to change."""
