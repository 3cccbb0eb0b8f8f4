"""Settings in a file, TOML or JSON, instead of options: read here, and written.

    seed = 2

    [training]
    minutes = 20

    [recipe]
    corpus = "sample"

Names are those of the settings' fields; options that only a recipe has stand in the table `recipe`.
The experiment.json of a run is such a file, too: what the run knows of itself is passed over.
"""

from __future__ import annotations

import difflib
import json
import reprlib
import tomllib
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from seq2seq.config.base import (
    MAX_INTEGER,
    describe_type,
    field_values,
    flatten,
    from_dict,
    hint_at_names,
    is_instance,
    is_literal,
    raise_problems,
    settings_in,
    to_dict,
)
from seq2seq.config.corpora import CorpusSettings, as_column_name, describe_corpus, mix_problems
from seq2seq.config.experiment import BaseExperiment, base_class
from seq2seq.config.fields import setting_docs, setting_fields
from seq2seq.errors import SettingsError
from seq2seq.runs.files import MAX_JSON_BYTES, read_bytes
from seq2seq.training.preflight import TRAIN_COMMANDS
from seq2seq.training.preflight_text import missing_in_mix

RECIPE = "recipe."
"""What the full names of a recipe's own options begin with, in a file."""
FLAGS_ONLY = ("resume", "overwrite", "dry_run")
"""What is said anew for each training, and never in a file."""
COLUMNS = ("data.source", "data.target", "data.column")
"""What may be the name of a column, or its number."""
OF_THE_RUN = ("run", "device", "monitor", "about", *FLAGS_ONLY)
"""What a run like another one does not take over; about is what is said of that other one."""


@dataclass(frozen=True)
class SettingsFile:
    """What was given in a file.

    Attributes:
        settings: by full name, as "training.sampling.rate"; a recipe's options by their own.
        begun_by: if it describes a run, the program that began it.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    begun_by: str = ""


def read_settings(path: str | Path, kind: type[BaseExperiment]) -> SettingsFile:
    """Reads settings of an experiment from a file, which need not have all of them.

    Raises:
        SettingsError: it is no such file; or settings in it are unknown, of a wrong type, or not
            for this kind of experiment: all of them in one message.
        RunError: the system can't read it.
    """
    values, begun_by, problems = read_table(path), "", []
    if "format" in values and isinstance(values.get("experiment"), Mapping):
        begun_by = program(values)
        values = described_settings(path, values, kind)
    types, settings, in_mix = setting_types(kind), {}, []
    for name, value in flatten(values).items():
        if name in FLAGS_ONLY:
            problems.append(f"{name} is said on the command line, and in no file: leave it out")
        elif name not in types:
            problems.append(unknown_setting(name, [*types]))
        else:
            if settings_in(types[name]):
                value, found = read_corpora(value, path, f"[[{name}]]")
                in_mix += found
            value = converted(value, types[name])
            if name in COLUMNS:
                value = as_column_name(value)
            settings[name.removeprefix(RECIPE)] = value
            if not is_instance(value, types[name]):
                hint = hint_at_names(str(value), types[name]) if is_literal(types[name]) else ""
                wanted = describe_type(types[name])
                problems.append(f"{name} {reprlib.repr(value)} is not {wanted}{hint}")
    raise_problems([*(f"{path}: {line}" for line in problems), *in_mix])
    return SettingsFile(settings, begun_by)


def read_corpora(values: Any, path: str | Path, where: str) -> tuple[Any, list[str]]:
    """Returns the tables of a mix as corpora, and all that is wrong about them.

    What is no list of tables stays as it is, for the check of its type.

    Args:
        values: what stands in a file for the mix.
        path: of that file.
        where: what the tables are called in it.
    """
    if not isinstance(values, list | tuple) or not all(isinstance(v, Mapping) for v in values):
        return values, []
    found: list[str] = []
    made = []
    for number, each in enumerate(values, 1):
        unknown: list[str] = []
        made.append(CorpusSettings(**field_values(CorpusSettings, each, "", unknown, False)))
        found += [f"{describe_corpus(number, each.get('name'))}: {line}" for line in unknown]
    mix = tuple(made)
    found += [*mix_problems(mix), *missing_in_mix(mix)]
    return mix, [line.replace("--data.mix, ", f"{path}: {where}, ") for line in found]


def read_mix(path: str | Path) -> tuple[CorpusSettings, ...]:
    """Reads the corpora of a mix from a file with a table [[corpus]] for each.

    Raises:
        SettingsError: it is no such file; settings in it are unknown or impossible, or files that
            it names are missing: all of it in one message.
        RunError: the system can't read it.
    """
    values = read_table(path, "--data.mix")
    problems = [
        f"{path}: {key} is no table of a mix: each corpus has a table [[corpus]]"
        for key in values
        if key != "corpus"
    ]
    corpora, found = read_corpora(values.get("corpus"), path, "[[corpus]]")
    if not isinstance(corpora, tuple):
        problems.append(f"{path}: there is no table [[corpus]], with name and files of a corpus")
    raise_problems([*problems, *found])
    return typing.cast(tuple[CorpusSettings, ...], corpora)


def read_table(path: str | Path, option: str = "--config") -> dict[str, Any]:
    """Reads a file, as JSON if its name ends so, else as TOML; raises as `read_settings`."""
    file = Path(path)
    if not file.is_file():
        what = "a folder: name a file" if file.is_dir() else "no file"
        raise SettingsError(f"{option} {path} is {what} with settings, TOML or JSON")
    try:
        text = read_bytes(file, MAX_JSON_BYTES).decode("utf-8")
        values = json.loads(text) if file.suffix == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        form = "JSON" if file.suffix == ".json" else "TOML"
        raise SettingsError(f"{path} is not {form}: {error}") from error
    if not isinstance(values, dict):
        raise SettingsError(f"{path} has no settings: JSON of names with values is expected")
    return values


def described_settings(
    path: str | Path, values: Mapping[str, Any], kind: type[BaseExperiment]
) -> dict[str, Any]:
    """Returns the settings in a run's description, without what is of that run alone.

    Raises:
        SettingsError: the run is of another kind, or has what only the code of a recipe brings.
    """
    model, recipe = str(values.get("model")), values.get("recipe", {})
    if not isinstance(recipe, Mapping):
        raise SettingsError(f"{path} is damaged: its recipe is no table")
    if model != kind.KIND:
        trains = f": {TRAIN_COMMANDS[model][0]} trains one" if model in TRAIN_COMMANDS else ""
        raise SettingsError(f"{path} describes a {model}, no {kind.KIND}{trains}")
    instead = f"run that with --config {path} --run DIR"
    own = own_options(kind)
    if unknown := [name for name in recipe if name not in own]:
        raise SettingsError(
            f"{path}: {', '.join(unknown)} and the text are of the recipe that began the run, "
            f"{program(values)}: {instead}; or, for other text, take the file that seq2seq show "
            f"{Path(path).parent} --toml prints, without its table [recipe]"
        )
    try:
        stored = to_dict(from_dict(kind, {**values["experiment"], **recipe}, stored=True))
    except SettingsError as error:
        lines = [f"{path}: {line}" for line in str(error).split("\n")]
        lines.append(f"{path} is of a run that {program(values)} began: {instead}")
        raise SettingsError("\n".join(lines)) from error
    rest = {name: value for name, value in stored.items() if name not in (*OF_THE_RUN, *own)}
    return {**rest, "recipe": {name: stored[name] for name in own}}


def program(values: Mapping[str, Any]) -> str:
    """Returns the program that began a described run, as it is typed."""
    begun = values.get("begun")
    command = begun.get("command") if isinstance(begun, Mapping) else None
    script = str(command[0]) if isinstance(command, list) and command else "a program"
    return f"python {script}" if script.endswith(".py") else Path(script).name


def own_options(kind: type[BaseExperiment]) -> list[str]:
    """Returns the names of the options that a recipe adds to what its kind of experiment has."""
    usual = {item.name for item in fields(base_class(kind))}
    return [item.name for item in fields(kind) if item.name not in usual]


def setting_types(kind: Any, where: str = "") -> dict[str, Any]:
    """Returns the types of all settings by their full names in a file."""
    types: dict[str, Any] = {}
    options = own_options(kind) if issubclass(kind, BaseExperiment) else ()
    for item in setting_fields(kind):
        name = where + (RECIPE if item.name in options else "") + item.name
        inside = is_dataclass(item.type)
        types |= setting_types(item.type, f"{name}.") if inside else {name: item.type}
    return types


def unknown_setting(name: str, known: Sequence[str]) -> str:
    """Returns what to say of a name that is none."""
    table, _, last = name.rpartition(".")
    if any(each.startswith(f"{name}.") for each in known):
        return f"{name} is a table, [{name}], and not one value"
    if f"{table}." == RECIPE and not any(each.startswith(RECIPE) for each in known):
        return f"{name} is an option of a recipe: give the file to that one, or leave it out"
    same = [each for each in known if each.rpartition(".")[2] == last]
    close = same or difflib.get_close_matches(name, known, n=1)
    beside = [each for each in known if each.rpartition(".")[0] == table]
    hint = f": did you mean {close[0]}?" if close else f"; there are {', '.join(beside)}"
    return f"unknown setting {name}{hint if close or beside else ''}"


def converted(value: Any, hint: Any) -> Any:
    """Returns a value as the settings have it: lists as tuples, and whole numbers as floats.

    A string is one of several, where there may be several.
    """
    if isinstance(value, str) and hint == tuple[str, ...]:
        return (value,) if value else ()
    if isinstance(value, list) and typing.get_origin(hint) is tuple:
        return tuple(value)
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_INTEGER
    return float(value) if is_number and float in (hint, *typing.get_args(hint)) else value


def toml_lines(settings: Any, table: str = "") -> Iterator[str]:
    """Yields settings as lines of TOML, each with its docstring above; `read_settings` reads them.

    Where a run lies, and how its training was started, is left out.
    """
    kind: type = type(settings)
    docs, inside = setting_docs(kind), []
    for item in setting_fields(kind):
        value = getattr(settings, item.name)
        if is_dataclass(value):
            inside.append((value, f"{table}{item.name}", f"[{table}{item.name}]"))
        elif settings_in(item.type) and value:
            name = f"{table}{item.name}"
            inside += [(each, name, f"[[{name}]]") for each in value]
        elif table or item.name not in OF_THE_RUN:
            yield from (f"# {line}".rstrip() for line in docs.get(item.name, "").splitlines())
            # There is no null in TOML: what may be None has it as its default.
            yield f"# {item.name} is not set" if value is None else toml_line(item.name, value)
    for part, name, header in inside:
        yield from ("", header, *toml_lines(part, f"{name}."))


def toml_line(name: str, value: object) -> str:
    """Returns a name and its value as TOML: of texts, numbers and lists, it is what JSON is.

    >>> toml_line("special_symbols", ("<2fr>", '"')), toml_line("joint", True)
    ('special_symbols = ["<2fr>", "\\\\""]', 'joint = true')
    """
    return f"{name} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
