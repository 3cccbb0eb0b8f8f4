"""The first row of a table without named columns: a header, or the first pair already?

A header that is read as a pair trains on it; columns that a header names otherwise are the wrong
ones. So a row of nothing but known names is taken for a header: those of the roles, as "source" and
"target", and the codes of two languages.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

from seq2seq.errors import DataError

ROLE_NAMES = {
    "source": ("source", "src", "source_text", "source text"),
    "target": ("target", "tgt", "trg", "target_text", "target text"),
    "text": ("text",),
}
"""What columns with a role may be called, in any case."""

_ISO_639_1 = (
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy "
    "da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu "
    "hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb "
    "lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om "
    "or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw "
    "ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu"
)
_CODES = frozenset(_ISO_639_1.split())
_NO_LANGUAGES = {"tsv", "csv", "txt", "gz", "train", "valid", "validation", "dev", "test", "pairs"}


class HeaderWarning(UserWarning):
    """A table's first row was taken for a header, though nobody said so."""


def columns_by_role(roles: Sequence[str], row: Sequence[str], where: str) -> tuple[int, ...] | None:
    """Returns the numbers of the columns that a first row calls by their roles; None if not all.

    Args:
        roles: keys of `ROLE_NAMES`.
        row: the cells of the first row.
        where: the row's place, for messages.

    Raises:
        DataError: two columns are called by the same role.
    """
    cells = [cell.strip().casefold() for cell in row]
    found = {
        role: [number for number, cell in enumerate(cells) if cell in ROLE_NAMES[role]]
        for role in roles
    }
    if not all(found.values()):
        return None
    for role, places in found.items():
        if len(places) > 1:
            names = " and ".join(repr(row[place]) for place in places)
            raise DataError(f"{where}: both {names} may be the {role} column; number it (from 0)")
    return tuple(places[0] for places in found.values())


def is_language_header(row: Sequence[str], where: str, path: Path) -> bool:
    """Whether the first row of a parallel table names the languages of its first two columns.

    By their ISO 639-1 codes, or by parts of the file's name, as in `eng-fra.tsv`. It warns then,
    since a dictionary might begin so.

    Args:
        row: the cells of the first row.
        where: the row's place, for messages.
        path: the file.

    Raises:
        DataError: there are languages, but not those of the first two columns.
    """
    parts = set(re.findall(r"[^\W\d_]+", path.name.casefold())) - _NO_LANGUAGES
    cells = [cell.strip().casefold() for cell in row]
    places = [n for n, cell in enumerate(cells) if cell in _CODES or cell in parts]
    if len({cells[n] for n in places}) < 2 or min(places) > 1:
        return False
    listed = ", ".join(repr(cell[:40]) for cell in row[:10])
    if places != [0, 1]:
        raise DataError(
            f"{where}: the source and target columns must be named or numbered (from 0), since "
            f"this looks like a header, or like columns that say the language: {listed}"
        )
    warnings.warn(
        f"{where}: {listed} is taken for a header, not for a pair; name the columns if it is one, "
        f"or number them (from 0) if it is not",
        HeaderWarning,
        stacklevel=2,
    )
    return True
