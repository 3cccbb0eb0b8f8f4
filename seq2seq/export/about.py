"""What those who are handed a model may want to know of it: languages, author, data, licence."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from seq2seq.data.readers.names import is_language


@dataclass(frozen=True)
class About:
    """What is said of a model where it is handed on; nothing else of where it was trained is."""

    source: str = ""
    """The source language, a BCP 47 tag: en, pt-BR, zh-Hant. Guessed from the names of files and
    columns."""
    target: str = ""
    """The target language, likewise."""
    author: str = ""
    """Who trained it."""
    data: str = ""
    """What it was trained on."""
    licence: str = ""
    """The licence of that."""
    date: str = ""
    """When it was trained. The day of its weights where it is not given."""
    model: str = ""
    """What it is, in a line. Made from the settings where it is not given."""

    @property
    def title(self) -> str:
        """A title without knowledge of languages' names, which browsers have."""
        languages = " → ".join(filter(None, (self.source, self.target)))
        return f"Translator {languages}".strip()

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible field."""
        for name, value in (("source", self.source), ("target", self.target)):
            if value and not _TAG.fullmatch(value):
                yield f"--about.{name} {value!r} is no language tag, as en, pt-BR or zh-Hant"


_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")


def complete(about: About, metadata: Mapping[str, Any], parameters: int, date: str = "") -> About:
    """Returns what is said, with guesses from a run's metadata where nothing is.

    Args:
        about: what was given.
        metadata: the contents of `experiment.json`.
        parameters: how many numbers the model has.
        date: the day of its weights.
    """
    experiment = metadata.get("experiment", {})
    data, model = experiment.get("data", {}), experiment.get("model", {})
    recipe = metadata.get("recipe", {})
    guesses = {
        "source": language(recipe.get("source"), data.get("source"), data.get("train")),
        "target": language(recipe.get("target"), data.get("target"), data.get("train_target")),
        "model": describe(model, parameters),
        "date": date,
    }
    missing = {name: guess for name, guess in guesses.items() if not getattr(about, name)}
    return dataclasses.replace(about, **missing)


def language(*names: object) -> str:
    """Returns the first language tag among names of languages, columns and files; "" if none.

    >>> language(None, "train.de.gz")
    'de'
    """
    for name in names:
        if not isinstance(name, str) or not name:
            continue
        for part in reversed(PurePath(name).name.split(".")):
            if _TAG.fullmatch(part) and len(part) <= 7 and is_language(part):
                return part
    return ""


def describe(model: Mapping[str, Any], parameters: int) -> str:
    """Returns a line about a model, from its settings."""
    cell = {"lstm": "LSTM", "gru": "GRU", "elman": "Elman"}.get(
        str(model.get("cell")), str(model.get("cell"))
    )
    attention = model.get("attention")
    looking = "the context vector alone" if attention == "none" else f"{attention} attention"
    return f"{cell} with {looking}, {parameters / 1e6:.1f} million numbers in 8 bits"
