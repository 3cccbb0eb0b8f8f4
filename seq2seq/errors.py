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


class Seq2SeqError(Exception):
    """The root of every error that a user can do something about."""


class SettingsError(Seq2SeqError):
    """A setting is unknown, impossible by itself, or impossible together with another one."""


class DataError(Seq2SeqError):
    """Text, a corpus or a vocabulary is not as it must be; the message gives file and line."""


class RunError(Seq2SeqError):
    """A run directory is missing, incomplete, damaged, or already there."""


class TrainingError(Seq2SeqError):
    """Training cannot go on; the message gives the step and what to change."""
