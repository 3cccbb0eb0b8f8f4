"""What a run takes from another: network and tokens if it goes on from it, or the tokens alone.

On the command line the other run's settings are the defaults, so that whatever is given and differs
contradicts it. In Python nothing tells a given setting from a default: there a setting that has its
default value counts as not given, and takes the other run's.

Dropout and its relatives, the optimizer and all else that is no part of a trained network are set
as for any run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, TypeVar, cast

from seq2seq.config.base import flag_name, flatten, to_dict
from seq2seq.config.data import TOKEN_SETTINGS, DataSettings
from seq2seq.config.experiment import Experiment, InvalidExperimentError
from seq2seq.config.model import ModelSettings

ExperimentT = TypeVar("ExperimentT", bound=Experiment)

REGULARIZATION = (
    *("dropout", "locked_dropout", "word_dropout", "state_dropout", "weight_dropout", "zoneout"),
)
"""Settings of a network that decide about its training only."""
ORIGINS = (
    *("initialize", "initialize_encoder", "initialize_decoder"),
    *("source_vectors", "target_vectors"),
)
"""Settings that say where weights come from."""
ARCHITECTURE = tuple(
    item.name for item in fields(ModelSettings) if item.name not in (*REGULARIZATION, *ORIGINS)
)
"""Settings that decide which function a network's weights compute."""
OF_ALL_TOKENS = ("lowercase", "special_symbols")
"""Settings of tokens that both sides have together."""


def inherited_settings(parent: Experiment, data: DataSettings) -> dict[str, object]:
    """Returns the settings, by their full names, that a run has from the one it goes on from.

    `data` says which side's tokens are made anew; an extended vocabulary may have more symbols.
    """
    names = {"none": TOKEN_SETTINGS, "both": ()}.get(data.new_vocabulary, OF_ALL_TOKENS)
    more = {*data.special_symbols} >= {*parent.data.symbols}
    if data.extend_vocabulary and data.special_symbols and more:
        names = tuple(name for name in names if name != "special_symbols")
    return {
        **{f"model.{name}": getattr(parent.model, name) for name in ARCHITECTURE},
        **{f"data.{name}": token_setting(parent.data, name) for name in names},
    }


def settings_of_tokens(other: Experiment) -> dict[str, object]:
    """Returns the settings, by their full names, of a run's tokens, which another one takes."""
    return {f"data.{name}": token_setting(other.data, name) for name in TOKEN_SETTINGS}


def token_setting(data: DataSettings, name: str) -> object:
    """Returns a setting of tokens as it is in effect: tags of a mix are symbols, too."""
    return data.symbols if name == "special_symbols" else getattr(data, name)


def inherit(experiment: ExperimentT, settings: dict[str, object]) -> tuple[ExperimentT, list[str]]:
    """Returns an experiment with other settings, by full name, and what is impossible about it."""
    changes: dict[str, dict[str, Any]] = {"model": {}, "data": {}}
    for full_name, value in settings.items():
        part, _, name = full_name.partition(".")
        changes[part][name] = value
    try:
        changed = replace(
            experiment,
            model=replace(experiment.model, **changes["model"]),
            data=replace(experiment.data, **changes["data"]),
        )
    except InvalidExperimentError as error:
        return cast(ExperimentT, error.experiment), str(error).split("\n")
    return changed, []


def contradictions(
    experiment: Experiment, settings: dict[str, object], *, defaults_are_given: bool
) -> Iterator[str]:
    """Yields a line for each setting that contradicts the run to go on from.

    Args:
        experiment: as it was described.
        settings: those of the other run, by full name.
        defaults_are_given: whether a setting with its default value was meant; else only others.
    """
    own, usual = flatten(to_dict(experiment)), flatten(to_dict(Experiment()))
    data, known = experiment.data, settings.get("data.special_symbols")
    if isinstance(known, tuple) and data.new_vocabulary == "none" and not data.extend_vocabulary:
        for corpus in data.mix:
            if corpus.tag and corpus.tag not in known:
                yield (
                    f"--data.mix, corpus {corpus.name}: tag {corpus.tag} is no symbol of "
                    f"--model.initialize {experiment.model.initialize}: add "
                    "--data.extend-vocabulary"
                )
    for name, value in settings.items():
        if own[name] != value and (defaults_are_given or own[name] != usual[name]):
            flag = f"--{flag_name(name)}"
            yield (
                f"{format_flag(flag, own[name])} contradicts --model.initialize "
                f"{experiment.model.initialize}, which has {format_flag(flag, value)}: leave it out"
            )


def format_flag(name: str, value: object) -> str:
    """An option as it is typed.

    >>> format_flag("--model.decoder-sizes", (8, 9)), format_flag("--model.tied-output", False)
    ('--model.decoder-sizes 8 9', '--model.no-tied-output')
    """
    if isinstance(value, bool):
        first, _, last = name.rpartition(".")
        return name if value else f"{first}.no-{last}"
    if isinstance(value, tuple):
        return f"{name} {' '.join(map(str, value))}".rstrip()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{name} {value}"
