"""``seq2seq translate``."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace

from seq2seq.commands.decoding import DecodingCommand, parse_decoding
from seq2seq.errors import SettingsError


@dataclass(frozen=True)
class Translate(DecodingCommand):
    """Translate stdin to stdout, a line for each line."""

    n_best: int = 1
    """Print so many translations of each line, as JSON lines with their scores, if above 1."""


def translate_command(arguments: list[str]) -> None:
    """Translate stdin to stdout, a line for each line."""
    command = parse_decoding(Translate, arguments, "seq2seq translate")
    if command.n_best < 1:
        raise SettingsError(f"--n-best {command.n_best} must be at least 1")
    from seq2seq.text.corpus import iter_lines
    from seq2seq.translator import Translator

    translator = Translator.load(command.run, command.device)
    translator.settings = replace(
        command.decoding,
        beam_size=max(command.n_best, command.decoding.beam_size),
        # Whoever types wants an answer to each line; from a file, lines of like length go together.
        batch_size=1 if sys.stdin.isatty() else command.decoding.batch_size,
    )
    lines = iter_lines(sys.stdin.buffer, "standard input")
    for line, candidates in translator.search_lines(lines):
        if command.n_best == 1:
            print(candidates[0].text, flush=True)
            continue
        for candidate in candidates[: command.n_best]:
            row = {"source": line, **candidate._asdict()}
            print(json.dumps(row, ensure_ascii=False), flush=True)
