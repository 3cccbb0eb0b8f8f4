"""``seq2seq score``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from seq2seq.cli.options import (
    FileOption,
    ModelCommand,
    load_translator,
    parse_command,
    print_json,
    read_aligned,
)
from seq2seq.cli.parse import name_after_run
from seq2seq.data.tokenizers.normalization import show_token
from seq2seq.errors import DataError

if TYPE_CHECKING:
    from seq2seq.translation.results import PairScore
    from seq2seq.translation.translator import Translator


@dataclass(frozen=True)
class Score(ModelCommand):
    """Print how probable given translations are, a line for each pair: the natural logarithm of
    the probability, a tab, and its mean over the tokens, the end counted.

    seq2seq score runs/mine source.en translations.fr

    What one wrong word does to all that follow it, "froid" as the second token, for example:

    seq2seq score runs/mine source.en translations.fr --butterfly froid@2
    """

    source: FileOption = ""
    """The source sentences, a line each (compressed too)."""
    target: FileOption = ""
    """Their translations, line-aligned with the source."""
    token_scores: bool = False
    """Below each line, print its tokens, numbered, with the log-probability of each."""
    butterfly: Annotated[str, tyro.conf.arg(metavar="WORD@POSITION")] = ""
    """Print a table for each pair instead: how probable each token is after the translation as it
    is, and after WORD has taken the place of its token number POSITION, counted from 1."""
    json: bool = False
    """Print JSON lines, with the log-probability of each token."""

    @property
    def forced(self) -> tuple[str, int]:
        """The word that --butterfly forces, and where; position 0 if it is misspelt."""
        word, _, position = self.butterfly.rpartition("@")
        return word, int(position) if word and position.isdecimal() else 0

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.source or not self.target:
            yield "give two files: seq2seq score RUN SOURCE TARGET (or --source and --target FILE)"
        if self.butterfly and not self.forced[1]:
            yield (
                f"--butterfly {self.butterfly} must be WORD@POSITION: a word and the number of a "
                "token, from 1, as froid@2"
            )
        if self.token_scores and (self.butterfly or self.json):
            other = "--butterfly" if self.butterfly else "--json"
            yield f"{other} has the scores of all tokens already: leave out --token-scores"
        yield from super().problems()


def score_command(arguments: list[str]) -> None:
    """Print how probable given translations are."""
    arguments = name_after_run(arguments, "--source", "--target")
    command = parse_command(Score, arguments, "seq2seq score")
    sources, targets = read_aligned(command.source, command.target)
    translator = load_translator(command)
    if command.butterfly:
        print_butterflies(command, translator, sources, targets)
        return
    scores = translator.score(sources, targets)
    for source, target, score in zip(sources, targets, scores, strict=True):
        if command.json:
            print_json({"source": source, "target": target, **score._asdict()})
            continue
        print(f"{score.log_probability:.4f}\t{score.per_token:.4f}")
        if command.token_scores:
            for line in token_lines(score):
                print(line)


def token_lines(score: PairScore) -> Iterator[str]:
    """Yields the tokens of a translation with their numbers and log-probabilities."""
    shown = [*map(show_token, score.tokens)]
    width = max(map(len, shown), default=0)
    values = zip(shown, score.token_log_probabilities, strict=True)
    for number, (token, value) in enumerate(values, start=1):
        yield f"{number:>5}  {token:{width}}{value:>12.4f}"


def print_butterflies(
    command: Score, translator: Translator, sources: Sequence[str], targets: Sequence[str]
) -> None:
    """Prints for each pair what a wrong word does to its later tokens."""
    from seq2seq.translation.butterfly import force_word

    word, position = command.forced
    found = []
    for number, (source, target) in enumerate(zip(sources, targets, strict=True), start=1):
        try:
            found.append(force_word(translator, source, target, word, position))
        except DataError as error:
            raise DataError(f"{command.target}, line {number}: {error}") from error
    for source, target, each in zip(sources, targets, found, strict=True):
        if command.json:
            print_json({"source": source, "target": target, "word": word, **each.as_dict()})
        else:
            print(source, target, each.as_table(), "", sep="\n")
