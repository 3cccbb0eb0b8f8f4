"""What columns may be called, in every format: source and target in many words, and languages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from seq2seq.config.language_tags import language_tag
from seq2seq.errors import DataError

_TEXT_WORDS = {"text", "texts", "txt", "sentence", "sentences", "sent", "segment", "seg", "line"}
"""What may stand in a name beside its role or language, as in "source_text" and "sentence_en"."""

_ROLES = (
    {"source": {"source", "src"}, "target": {"target", "tgt", "trg"}, "text": {"text"}},
    {
        "source": {
            *("input", "original", "question", "prompt", "instruction", "text 1", "text a"),
        },
        "target": {
            *("output", "translation", "translated", "reference", "ref", "answer", "completion"),
            *("response", "pe", "text 2", "text b"),
        },
        "text": set[str](),
    },
)
"""What columns with a role may be called: the usual names, and those that count where they lack."""


def column_language(name: str) -> str:
    """Returns the tag of the language that a column is called by; "" if it is called otherwise.

    >>> [column_language(name) for name in ("en", "en-US", "eng_Latn", "English text", "source")]
    ['en', 'en-US', 'en-Latn', 'en', '']
    """
    words = re.split(r"([\s_-]+)", name.strip().casefold())
    rest = [word for word in words[::2] if word not in _TEXT_WORDS]
    if len(rest) < len(words[::2]):
        words = ["-".join(rest)]
    return language_tag(re.sub(r"\s*\(.*\)$", "", "".join(words)))


def is_text_word(name: str) -> bool:
    """Whether a column is called "text", "Sentence" or the like, without role or language."""
    return name.strip().casefold() in _TEXT_WORDS


def find_role(name: str, *, strict: bool = False) -> str:
    """Returns the role that the name of a column says, in any case and spelling; "" if none.

    `strict` leaves "source", "target" and "text", with their short forms.
    """
    spaced = re.sub(
        r"(?<=[a-z])(?=[A-Z])|(?<=[^\W\d])(?=\d)|(?<=\w)[\s_./:-]+(?=\w)", " ", name.strip()
    )
    words = spaced.casefold().split()
    core = [word for word in words if word not in _TEXT_WORDS]
    if len(core) < len(words) and core in (["1"], ["2"], ["a"], ["b"]):
        core = ["text", *core]
    said = " ".join(core or words)
    for roles in _ROLES[: 1 if strict else None]:
        for role, names in roles.items():
            if said in names:
                return role
    return ""


def columns_by_role(
    roles: Sequence[str], names: Sequence[str], where: str
) -> tuple[int, ...] | None:
    """Returns the numbers of the columns that are called by their roles; None if not all are.

    Raises:
        DataError: two columns may have the same role.
    """
    for strict in (True, False):
        said = [find_role(name, strict=strict) for name in names]
        if not set(roles) <= set(said):
            continue
        for role in roles:
            if said.count(role) > 1:
                twice = " and ".join(repr(n) for n, r in zip(names, said, strict=True) if r == role)
                raise DataError(
                    f"{where}: both {twice} may be the {role} column; name or number it"
                )
        return tuple(said.index(role) for role in roles)
    return None


def columns_by_one_role(roles: Sequence[str], names: Sequence[str]) -> tuple[int, ...] | None:
    """Returns the order of two columns of which one is called by its role, and the other is not."""
    said = [find_role(name) for name in names]
    places = [place for place, role in enumerate(said) if role in roles]
    if len(roles) != 2 or len(names) != 2 or len(places) != 1:
        return None
    (place,) = places
    return (place, 1 - place) if said[place] == roles[0] else (1 - place, place)
