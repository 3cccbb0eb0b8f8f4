"""``seq2seq translate`` and ``seq2seq score``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import tyro

from seq2seq.cli.options import (
    DecodingCommand,
    FileOption,
    InputArgument,
    ModelCommand,
    input_lines,
    load_translator,
    parse_command,
    parse_decoding,
    print_json,
    read_aligned,
)
from seq2seq.config.fields import PositiveInt
from seq2seq.console import standard_input
from seq2seq.errors import DataError


@dataclass(frozen=True)
class Translate(DecodingCommand):
    """Translate a text file, or standard input: a line for each line.

    seq2seq translate runs/mine input.txt > output.txt

    echo "How are you?" | seq2seq translate runs/mine --beam-size 1
    """

    file: InputArgument = "-"
    """What to translate: a text file (.gz too), or - for standard input."""
    n_best: PositiveInt = 1
    """If above 1: print the best translations of each line, at most so many, as JSON lines; the
    beam is as wide. Each has its score, the log-probability after the penalties for length and
    coverage (for mbr the mean utility); and with --attention its weights: a row for each token and
    one for <eos>, a column for each source token and one for <eos>."""
    attention: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Draw the attention of each line's best translation in this folder: 00001.png, … (an
    empty line has none)."""


@dataclass(frozen=True)
class Score(ModelCommand):
    """Print how probable given translations are, a line for each pair: the natural logarithm of
    the probability, a tab, and its mean over the tokens, the end counted."""

    source: FileOption = ""
    """The source sentences, a line each (.gz too)."""
    target: FileOption = ""
    """Their translations, line-aligned with the source."""
    json: bool = False
    """Print JSON lines, with the log-probability of each token."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.source or not self.target:
            yield "give --source FILE and --target FILE"
        yield from super().problems()


def translate_command(arguments: list[str]) -> None:
    """Translate a text file, or standard input: a line for each line."""
    command, run = parse_decoding(Translate, arguments, "seq2seq translate")
    lines = input_lines(command.file)
    translator = load_translator(command, run)
    # Whoever types wants an answer to each line; from a file, lines of like length go together.
    if command.file == "-" and standard_input().isatty():
        translator.settings = replace(translator.settings, batch_size=1)
    drawn = bool(command.attention)
    translator.with_settings({}, attention=drawn)
    folder = make_folder(command.attention) if drawn else None
    found = translator.candidate_lines(lines, command.n_best, attention=drawn)
    for number, (line, candidates) in enumerate(found, start=1):
        if folder and candidates[0].attention:
            candidates[0].plot_attention(folder / f"{number:05}.png")
        if command.n_best == 1:
            print(candidates[0].text, flush=True)
            continue
        for candidate in candidates[: command.n_best]:
            row: dict[str, Any] = {"line": number, "source": line, **candidate._asdict()}
            if not drawn:
                del row["source_tokens"], row["attention"]
            print_json(row)


def score_command(arguments: list[str]) -> None:
    """Print how probable given translations are."""
    command = parse_command(Score, arguments, "seq2seq score")
    sources, targets = read_aligned(command.source, command.target)
    scores = load_translator(command).score(sources, targets)
    for source, target, score in zip(sources, targets, scores, strict=True):
        if command.json:
            print_json({"source": source, "target": target, **score._asdict()})
        else:
            print(f"{score.log_probability:.4f}\t{score.per_token:.4f}")


def make_folder(path: str) -> Path:
    """Returns a folder for pictures, made if it is not there.

    Raises:
        DataError: it can't be made, or has pictures of other translations.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{path} can't be made a folder: {error.strerror}") from error
    if any(Path(path).glob("[0-9]" * 5 + ".png")):
        raise DataError(f"{path} has pictures of other translations already: give a new folder")
    return Path(path)
