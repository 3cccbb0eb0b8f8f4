"""In which languages text is, as the names of its files and columns say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from seq2seq.config.language_tags import language_tag
from seq2seq.data.readers.names import column_language

NO_LANGUAGES = {"tsv", "csv", "txt", "gz", "train", "valid", "validation", "dev", "test", "pairs"}
NO_LANGUAGES |= {"bz2", "xz", "lzma", "zst", "val", "training", "testing"}
"""Words in names of files that say nothing of what is in them."""

_WORD = re.compile(
    r"(?<![^\W_])"  # a script and a region as in eng_Latn and pt-BR; pt-br might be two languages
    r"(?:[a-z]{2,3}(?:[-_][A-Z][a-z]{3})?(?:[-_][A-Z]{2})?|[A-Za-z]+)"
    r"(?![^\W_])"
)
_TO = re.compile(r"(?<=[a-z])(?:2|[-_]to[-_])(?=[a-z])")  # en2fr, en-to-fr


def guess_languages(files: Sequence[str], columns: Sequence[str | int] = ()) -> tuple[str, str]:
    """Returns the tags of the source and the target language; two empty ones if they are not said.

    What the columns are called counts first: "de" and "en", "text_de", "German". Of two files each
    says its own at the end of its name, as `train.de.gz` or `train_de.txt`. The name of one file or
    folder says both side by side, as `eng-deu.tsv` or `train.en-de.jsonl`, in the order of the
    columns.

    Args:
        files: a table, or the source and the target side.
        columns: what the source and the target column are called, or their numbers.
    """
    said = [column_language(column) for column in columns if isinstance(column, str)]
    if not _are_two(said):
        words = [_words(Path(file).name) for file in files]
        said = [_last(each) for each in words] if len(files) == 2 else _side_by_side(words[0])
        numbers = [column for column in columns if isinstance(column, int)]
        if numbers != sorted(numbers):
            said.reverse()
    return (said[0], said[1]) if _are_two(said) else ("", "")


def _are_two(tags: Sequence[str]) -> bool:
    """Whether there are two different ones. One alone, or the same twice, is hardly a language."""
    return len({*tags} - {""}) == 2


def _words(name: str) -> list[str]:
    found: list[str] = []
    for word in _WORD.findall(_TO.sub("-", name)):
        found += [word] if language_tag(word) else re.split("[-_]", word)
    return [word for word in found if word.casefold() not in NO_LANGUAGES]


def _last(words: Sequence[str]) -> str:
    return language_tag(words[-1]) if words else ""


def _side_by_side(words: Sequence[str]) -> list[str]:
    """Returns the tags of the only two languages among some words, if they are neighbours."""
    tags = [language_tag(word) for word in words]
    places = [place for place, tag in enumerate(tags) if tag]
    beside = len(places) == 2 and places[1] - places[0] == 1
    return [tags[place] for place in places] if beside else []
