"""``seq2seq tokenize``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seq2seq.cli.options import InputArgument, RunArgument, input_groups, open_run, parse_command
from seq2seq.config.experiment import Experiment
from seq2seq.errors import SettingsError

if TYPE_CHECKING:
    from seq2seq.data.tokenizers.base import Tokenizer


@dataclass(frozen=True)
class Tokenize:
    """Write a text as the tokens of a run, with spaces between them: a line for each line.

    Programs that estimate n-gram models for --language-model read such a text. Tokens that the
    vocabulary lacks stand there as they are.

    seq2seq tokenize runs/mine text.fr > tokens.txt

    seq2seq tokenize runs/mine tokens.txt --detokenize > text.fr
    """

    run: RunArgument
    """The run directory, of any kind of model."""
    file: InputArgument = "-"
    """The text: a file (compressed too), or - for standard input."""
    side: Literal["source", "target"] = "target"
    """Of a translation model: whose tokens. A language model has one side."""
    detokenize: bool = False
    """The way back: tokens to text."""


def tokenize_command(arguments: list[str]) -> None:
    """Write a text as the tokens of a run, or tokens as text."""
    command = parse_command(Tokenize, arguments, "seq2seq tokenize")
    groups = input_groups(command.file)
    tokenizer = load_side(command)
    for group in groups:
        for line in converted(tokenizer, group, detokenize=command.detokenize):
            print(line)
        print(end="", flush=True)


def load_side(command: Tokenize) -> Tokenizer:
    """Loads the tokenizer that a command asks for.

    Raises:
        RunError: there is no run, or one of its files is missing or damaged.
        SettingsError: a language model is asked for its source side.
    """
    run = open_run(command.run)
    from seq2seq.runs.directory import TEXT_SIDE

    if run.kind == Experiment.KIND:
        return run.pipeline(command.side).tokenizer
    if command.side == "source":
        raise SettingsError(
            f"--side source: {command.run} is of a language model, which has one side; leave it out"
        )
    return run.pipeline(TEXT_SIDE).tokenizer


def converted(tokenizer: Tokenizer, lines: list[str], *, detokenize: bool) -> Iterator[str]:
    """Yields the tokens of each line; or with `detokenize`, the text of each line of tokens."""
    if detokenize:
        for line in lines:
            yield tokenizer.detokenize([token for token in line.split(" ") if token])
    else:
        yield from map(" ".join, tokenizer.tokenize_all(lines))
