"""How the command line takes what tyro does not know: open choices, and the corpora of a mix."""

from __future__ import annotations

import typing

import tyro

from seq2seq.cli.config_file import read_mix
from seq2seq.config.corpora import CorpusSettings
from seq2seq.config.fields import OPEN_CHOICES, allowed_names

OPEN_NAMES = tyro.constructors.ConstructorRegistry()
"""How choices to which scripts may add names are parsed, and mixes."""


@OPEN_NAMES.primitive_rule
def parse_open_choice(
    declared: tyro.constructors.PrimitiveTypeInfo,
) -> tyro.constructors.PrimitiveConstructorSpec[str] | None:
    """Takes the names known by now, a script's own too; None: tyro parses this type itself."""
    if declared.type not in OPEN_CHOICES:
        return None
    names = allowed_names(declared.type)
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="{" + ",".join(names) + "}",
        instance_from_str=lambda given: given[0],
        is_instance=lambda value: value in names,
        str_from_instance=lambda value: [value],
        choices=names,
    )


@OPEN_NAMES.primitive_rule
def parse_mix(
    declared: tyro.constructors.PrimitiveTypeInfo,
) -> tyro.constructors.PrimitiveConstructorSpec[tuple[CorpusSettings, ...]] | None:
    """Takes a file with the corpora of a mix; None: tyro parses this type itself.

    Where there is a mix already, tyro declares a tuple of so many corpora; were one corpus no
    primitive type, it would make an option of each of their keys.
    """
    kinds = {*typing.get_args(declared.type)} - {...} or {declared.type}
    if kinds != {CorpusSettings}:
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="FILE",
        instance_from_str=lambda given: read_mix(given[0]),
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [" ".join(map(str, value))],
    )
