"""What ``seq2seq translate`` reads and writes of each line: text, JSON or pairs to learn from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seq2seq.cli.options import json_line
from seq2seq.cli.translate_options import Translate
from seq2seq.data.tokenizers.normalization import to_nfc
from seq2seq.errors import DataError, SettingsError

if TYPE_CHECKING:
    from seq2seq.translation.results import Translation
    from seq2seq.translation.translator import Translator

SCORE = "log_probability"
"""The name of the third column of pairs."""


def lines_to_read(
    groups: Iterator[list[str]], command: Translate, translator: Translator
) -> Iterator[list[str]]:
    """Returns the lines of a text as the model is to read them, a tag before each if it has one.

    Raises:
        SettingsError: the tag is no special symbol of the model.
    """
    if command.tag and not command.pairs:
        return tagged_lines(groups, command.tag, translator)
    return groups


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


def header(command: Translate) -> str:
    """Returns the line that the output begins with: the columns of a table of pairs, else ""."""
    if not command.pairs or command.pairs_format != ".tsv":
        return ""
    return "\t".join(["source", "target", *[SCORE] * command.scores]) + "\n"


def describe_pairs(command: Translate) -> str:
    """Returns which column of pairs has what, to be said before a long text is translated."""
    if command.translation_is_source:
        tag = f"{command.tag} and " if command.tag else ""
        return f"pairs: the source is {tag}the translation, the target is the line"
    return (
        "pairs: the source is the line, the target is the translation; back-translation needs "
        "--reverse, which exchanges them"
    )


def output_rows(
    number: int, line: str, candidates: list[Translation], command: Translate
) -> Iterator[str]:
    """Yields what is written of a line: a row, or one for each candidate, without its end.

    Args:
        number: of the line, from 1.
        line: what was translated.
        candidates: its translations, best first.
        command: says what is to be written.
    """
    if command.pairs:
        for candidate in candidates:
            yield pair_row(number, line, candidate, command)
    elif command.n_best == 1 and not command.json:
        yield plain_line(candidates[0], command)
    else:
        for candidate in candidates:
            fields = json_fields(candidate, command)
            yield json_line({"line": number, "source": line, **fields})


def pair_row(number: int, line: str, candidate: Translation, command: Translate) -> str:
    """Returns a pair as a row of a table, or as JSON, as our readers read it back.

    Raises:
        DataError: as `check_line`.
    """
    translation = candidate.text
    if is_table := command.pairs_format == ".tsv":
        check_line(number, line, command)
        translation = re.sub(r"[\t\r]", " ", translation)  # no text has these in a token
    source, target = (translation, line) if command.translation_is_source else (line, translation)
    if command.tag and source.strip():
        source = f"{command.tag} {source}"
    score = candidate.log_probability
    if is_table:
        return "\t".join([source, target, *[f"{score:.4f}"] * command.scores])
    values: dict[str, Any] = {"source": source, "target": target}
    return json_line(values | ({SCORE: score} if command.scores else {}))


def check_line(number: int, line: str, command: Translate) -> None:
    """Raises DataError for a line that a table can't hold, where one is written."""
    if command.pairs and command.pairs_format == ".tsv" and ("\t" in line or line.endswith("\r")):
        raise DataError(
            f"line {number:,} has a tab in it, or a carriage return at its end, which a table with "
            f"tabs can't hold: give --out a name in .jsonl, or replace them: {line[:40]!r}"
        )


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
