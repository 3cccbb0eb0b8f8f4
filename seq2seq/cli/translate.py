"""``seq2seq translate``."""

from __future__ import annotations

import os
from pathlib import Path

from seq2seq.cli.options import input_groups, input_lines, load_translator, parse_decoding
from seq2seq.cli.translate_options import Translate
from seq2seq.cli.translate_rows import describe_pairs, header, lines_to_read, output_rows
from seq2seq.console import write_stderr
from seq2seq.data.terminology import Terminology
from seq2seq.errors import DataError


def translate_command(arguments: list[str]) -> None:
    """Translate a text file, or standard input: a line for each line."""
    command, run = parse_decoding(Translate, arguments, "seq2seq translate")
    from seq2seq.cli.bulk import write_file
    from seq2seq.translation.terms import TermRecall

    if command.out:
        write_file(command, load_translator(command, run))
        return
    lines = input_groups(command.file)
    prefixes = prefix_lines(command.prefix)
    terms = Terminology.read(command.terms) if command.terms else None
    translator = load_translator(command, run)
    lines = lines_to_read(lines, command, translator)
    drawn = bool(command.attention)
    attention = drawn or command.alignment
    translator.with_settings({}, attention=attention)
    if command.pairs:
        write_stderr(describe_pairs(command))
    folder = make_folder(command.attention) if drawn else None
    found = translator.candidate_lines(
        lines, command.n_best, prefixes=prefixes, terms=terms, attention=attention
    )
    recall = TermRecall(terms, translator.target) if terms else None
    print(header(command), end="")
    for number, (line, candidates) in enumerate(found, start=1):
        if recall:
            recall.add(number, line, candidates[0].text)
        if folder and candidates[0].attention:
            candidates[0].plot_attention(folder / f"{number:05}.png")
        for row in output_rows(number, line, candidates, command):
            print(row, flush=True)
    for line in recall.report() if recall else ():
        write_stderr(line)


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
