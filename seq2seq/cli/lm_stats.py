"""``seq2seq lm stats``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from seq2seq.cli.options import FileArgument, FileOption, parse_command
from seq2seq.config.fields import PositiveInt
from seq2seq.errors import DataError
from seq2seq.plotting.analyses import zipf_figure
from seq2seq.plotting.figure import check_figure_path, save_figure


@dataclass(frozen=True)
class Stats:
    """Show what a text is made of: its most frequent tokens, and Zipf's law.

    Counted are tokens (unigrams), pairs and triples of neighbours in a line (bigrams and trigrams):
    how many, how many different ones, how many that occur once, and the exponent of Zipf's law,
    which is near 1 for words of a natural language. It is the slope of a least-squares line through
    the logarithms of frequency and rank, in which each factor of ten in rank counts alike. A sign ￭
    stands where there is no space between a punctuation mark and its neighbour.

    seq2seq lm stats timemachine.txt --letters-only --lowercase --plot zipf.png
    """

    text: FileArgument
    """A text file, or a .tsv, .csv, .jsonl or .parquet file (compressed too), a folder or name of a
    Hub dataset."""
    column: str = ""
    """Name or number (from 0) of the text's column. Empty: "text", or else the only one."""
    split: str = "train"
    """Which part of a folder or Hub dataset to read."""
    tokenizer: Literal["word", "character", "space"] = "word"
    """What to count: words and punctuation marks, characters, or what stands between white space
    (for text that is tokenized already)."""
    letters_only: bool = False
    """Replace everything but letters by spaces first; the text becomes one line."""
    lowercase: bool = False
    """Count without case."""
    top: PositiveInt = 10
    """How many of the most frequent ones to show."""
    stop_words: FileOption = ""
    """A file of words, between white space, to leave out of the second list of each kind. Empty:
    the usual function words of English, or none if characters are counted."""
    json: bool = False
    """Print one JSON object."""
    plot: FileOption = ""
    """Draw frequency over rank on logarithmic axes: a file .png, .pdf or .svg."""


def stats_command(arguments: list[str]) -> None:
    """Show what a text is made of: its most frequent tokens, and Zipf's law."""
    command = parse_command(Stats, arguments, "seq2seq lm stats")
    if command.plot:
        check_figure_path(command.plot)
    from seq2seq.data.monolingual import letters_only, read_monolingual
    from seq2seq.data.tokenizers.base import build_tokenizer
    from seq2seq.evaluation.zipf import text_statistics

    stop_words = read_stop_words(command)
    column = int(command.column) if command.column.isdecimal() else command.column or None
    lines = read_monolingual(command.text, column=column, split=command.split)
    if command.letters_only:
        lines = letters_only(lines)
    tokenizer = build_tokenizer(command.tokenizer, [], vocab_size=0, lowercase=command.lowercase)
    found = text_statistics(tokenizer.tokenize_all(lines))
    if command.plot:
        save_figure(zipf_figure(found.ngrams), command.plot)
    if command.json:
        print(json.dumps(found.as_dict(top=command.top, stop_words=stop_words)))
    else:
        print(found.as_table(top=command.top, stop_words=stop_words))


def read_stop_words(command: Stats) -> frozenset[str]:
    """Reads the stop words that a command asks for; they are in lower case.

    Raises:
        DataError: their file can't be read, or has no words.
    """
    from seq2seq.data.readers.lines import read_text
    from seq2seq.data.tokenizers.normalization import normalize
    from seq2seq.evaluation.zipf import STOP_WORDS

    if not command.stop_words:
        return STOP_WORDS if command.tokenizer != "character" else frozenset()
    words = read_text(command.stop_words)
    if not words.strip():
        raise DataError(f"{command.stop_words} has no words; leave out --stop-words for English")
    # As `is_content` compares them.
    return frozenset(normalize(words, lowercase=True).replace("’", "'").split())
