"""``seq2seq translate`` and ``seq2seq score``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from seq2seq.cli.options import (
    DecodingCommand,
    FileOption,
    InputArgument,
    ModelCommand,
    input_groups,
    input_lines,
    load_translator,
    parse_command,
    parse_decoding,
    print_json,
    read_aligned,
)
from seq2seq.cli.parse import name_after_run
from seq2seq.config.fields import PositiveInt
from seq2seq.console import write_stderr
from seq2seq.data.terminology import Terminology
from seq2seq.data.tokenizers.normalization import show_token, to_nfc
from seq2seq.errors import DataError, SettingsError

if TYPE_CHECKING:
    from seq2seq.translation.results import PairScore, Translation
    from seq2seq.translation.translator import Translator


@dataclass(frozen=True)
class Translate(DecodingCommand):
    """Translate a text file, or standard input: a line for each line.

    seq2seq translate runs/mine input.txt > output.txt

    echo "How are you?" | seq2seq translate runs/mine --beam-size 1
    """

    file: InputArgument = "-"
    """What to translate: a text file (compressed too), or - for standard input."""
    json: bool = False
    """Print JSON lines: each translation with its tokens, log-probability and score, which is the
    log-probability after the penalties for length and coverage (for mbr the mean utility)."""
    tag: str = ""
    """What to put before each line: the tag of a corpus, as "<2fr>", of a model with several."""
    n_best: PositiveInt = 1
    """If above 1: print the best translations of each line, at most so many, as JSON lines; the
    beam is as wide."""
    prefix: FileOption = ""
    """A file with what each line's translation begins with; an empty line for nothing."""
    terms: FileOption = ""
    """An expert's terminology, a table of two columns: a source term, a tab, its translation. Each
    time a term is in a line, as whole words, its translation is in the output, as written (Post &
    Vilar 2018); of terms that overlap, the longest. In lower case a term stands for the word in any
    case, else as written. Where --beam-size is too small for a line's terms, it is widened; how
    many came out, and which did not, is printed on stderr."""
    alignment: bool = False
    """Add a tab and the pairs of words that attention aligns, as 0-0 1-2: numbers from 0 of what
    stands between spaces, source first. In JSON, a list of pairs."""
    attention: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Draw the attention of each line's best translation in this folder: 00001.png, … (an
    empty line has none). In JSON, its weights: a row for each token and one for <eos>, a column for
    each source token and one for <eos>."""


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
            yield "give --source FILE and --target FILE"
        if self.butterfly and not self.forced[1]:
            yield (
                f"--butterfly {self.butterfly} must be WORD@POSITION: a word and the number of a "
                "token, from 1, as froid@2"
            )
        if self.token_scores and (self.butterfly or self.json):
            other = "--butterfly" if self.butterfly else "--json"
            yield f"{other} has the scores of all tokens already: leave out --token-scores"
        yield from super().problems()


def translate_command(arguments: list[str]) -> None:
    """Translate a text file, or standard input: a line for each line."""
    from seq2seq.translation.terms import TermRecall

    command, run = parse_decoding(Translate, arguments, "seq2seq translate")
    lines = input_groups(command.file)
    prefixes = prefix_lines(command.prefix)
    terms = Terminology.read(command.terms) if command.terms else None
    translator = load_translator(command, run)
    if command.tag:
        lines = tagged_lines(lines, command.tag, translator)
    drawn = bool(command.attention)
    attention = drawn or command.alignment
    translator.with_settings({}, attention=attention)
    folder = make_folder(command.attention) if drawn else None
    found = translator.candidate_lines(
        lines, command.n_best, prefixes=prefixes, terms=terms, attention=attention
    )
    recall = TermRecall(terms, translator.target) if terms else None
    for number, (line, candidates) in enumerate(found, start=1):
        if recall:
            recall.add(number, line, candidates[0].text)
        if folder and candidates[0].attention:
            candidates[0].plot_attention(folder / f"{number:05}.png")
        if command.n_best == 1 and not command.json:
            print(plain_line(candidates[0], command), flush=True)
            continue
        for candidate in candidates:
            print_json({"line": number, "source": line, **json_fields(candidate, command)})
    for line in recall.report() if recall else ():
        write_stderr(line)


def tagged_lines(
    groups: Iterator[list[str]], tag: str, translator: Translator
) -> Iterator[list[str]]:
    """Returns the lines of a text with a tag before each that is not empty.

    Raises:
        SettingsError: it is no special symbol of the model.
    """
    known = translator.source.tokenizer.special_symbols
    if to_nfc(tag) not in known:
        there = f": it has {' '.join(known)}" if known else ", which has none"
        raise SettingsError(f"--tag {tag} is no special symbol of this model{there}")
    return ([f"{tag} {line}" if line.strip() else line for line in group] for group in groups)


def prefix_lines(file: str) -> list[str] | None:
    """Returns what each line's translation begins with, if a file with it is named.

    Raises:
        DataError: there is no such file, or it is damaged.
    """
    if not file:
        return None
    if file != "-" and not os.path.exists(file):
        raise DataError(
            f"there is no file {file}: --prefix is a file with a line for each line of the text"
        )
    return input_lines(file)


def plain_line(translation: Translation, command: Translate) -> str:
    """Returns a translation, with its alignment in Pharaoh's form if that is asked for."""
    if not command.alignment:
        return translation.text
    pairs = " ".join(f"{source}-{target}" for source, target in translation.alignment or ())
    return f"{translation.text}\t{pairs}"


def json_fields(translation: Translation, command: Translate) -> dict[str, Any]:
    """Returns what JSON says of a translation: of attention and alignment, what is asked for."""
    fields: dict[str, Any] = translation._asdict()
    if not command.alignment:
        del fields["alignment"]
    if not command.attention:
        del fields["source_tokens"], fields["attention"]
    return fields


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
