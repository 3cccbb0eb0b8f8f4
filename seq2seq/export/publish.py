"""A run or an export -> the files of it that everybody may have.

A run says where its text lay, by which command it was trained, and on what machine. None of that is
in what is published, nor is the state of its training; it translates as the run does.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seq2seq.config.about import AboutSettings
from seq2seq.config.base import settings_in
from seq2seq.config.experiment import Experiment
from seq2seq.config.fields import setting_fields
from seq2seq.errors import RunError
from seq2seq.export.directory import FILES, Export
from seq2seq.export.write import without_paths
from seq2seq.runs.directory import EXPORT_DESCRIPTION as DESCRIPTION
from seq2seq.runs.directory import SIDES, RunDirectory
from seq2seq.runs.files import read_json, system_errors, write_bytes, write_json
from seq2seq.runs.metadata import checksum, describe_experiment, saved_bytes, write_with_checksum
from seq2seq.runs.run import Run

PUBLIC = (
    *("about", "special_symbols", "tag", "freeze"),
    *("source_script", "target_script", "source_language", "target_language"),
)
"""Settings of free text that name nothing of a machine; all others may be names of files."""


def check_empty(folder: Path) -> None:
    """Raises RunError unless a folder can be made, or is there and empty."""
    with system_errors(f"{folder} can't be read"):
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise RunError(f"{folder} is there already, and not an empty folder: give another name")


def publish_run(run: Run, about: AboutSettings, folder: Path) -> None:
    """Writes the files of a run of a translation model into a folder, which is made.

    Args:
        run: what was trained.
        about: what is said of it.
        folder: a run directory afterwards, without the state of the training.

    Raises:
        RunError: as `check_empty`; a file of the run is missing or damaged; or it can't be written.
    """
    from seq2seq.decoding.shortlist import load_shortlist, save_shortlist
    from seq2seq.models.translation import build_translation_model
    from seq2seq.runs.checkpoint import named_weights
    from seq2seq.runs.tensors import save_tensors

    experiment = run.experiment(Experiment)
    pipelines = run.pipelines()
    sizes = len(pipelines[0].vocab), len(pipelines[1].vocab)
    model = run.load_model(lambda: build_translation_model(*sizes, experiment.model))
    make_folder(folder)
    published = RunDirectory(folder)
    files = {}
    for side, pipeline in zip(SIDES, pipelines, strict=True):
        for path, save in (
            (published.tokenizer(side), without_paths(pipeline.tokenizer).save),
            (published.vocab(side), pipeline.vocab.save),
        ):
            data = saved_bytes(save)
            write_bytes(path, data)
            files[path.name] = hashlib.sha256(data).hexdigest()
    save_tensors(published.best, named_weights(model), None, run.run_id)
    if os.path.lexists(run.directory.shortlist):
        shortlist = load_shortlist(run.directory.shortlist, sizes, run.run_id)
        save_shortlist(published.shortlist, shortlist, run.run_id)
    experiment = dataclasses.replace(without_names(experiment, {}), about=about)
    known = run.metadata
    description = {
        **describe_experiment(experiment),
        "id": run.run_id,
        "files": files,
        "text": {name: known["text"][name] for name in known["text"] if is_part(name)},
        "begun": versions(known["begun"]),
        "continued": [versions(each) for each in known["continued"]],
    }
    write_with_checksum(published, description)


def publish_export(export: Export, about: AboutSettings, folder: Path) -> None:
    """Writes the files of an export into a folder, which is made; as `publish_run`.

    They name nothing of a machine already.
    """
    contents = {name: export.read(name) for name in FILES}
    make_folder(folder)
    for name, data in contents.items():
        write_bytes(folder / name, data)
    values = read_json(export.path / DESCRIPTION)
    values["experiment"]["about"] = dataclasses.asdict(about)
    write_json(folder / DESCRIPTION, {**values, "sha256": checksum(values)})


def make_folder(folder: Path) -> None:
    """Makes a folder, as `check_empty` demands; RunError if it can't be made."""
    check_empty(folder)
    with system_errors(f"{folder} could not be made"):
        folder.mkdir(parents=True, exist_ok=True)


def without_names(settings: Any, names: dict[str, str]) -> Any:
    """Returns settings whose free text is replaced, but for what is `PUBLIC`.

    What was given stays given, and equal names equal, since other settings depend on both.

    Args:
        settings: a class of settings, as an Experiment.
        names: what each text was replaced by, which is added to.
    """

    def replaced(value: str) -> str:
        return names.setdefault(value, f"not-published-{len(names) + 1}") if value else ""

    changes: dict[str, Any] = {}
    for item in setting_fields(settings.__class__):
        value = getattr(settings, item.name)
        if item.name in PUBLIC:
            continue
        if dataclasses.is_dataclass(value):
            changes[item.name] = without_names(value, names)
        elif settings_in(item.type):
            changes[item.name] = tuple(without_names(each, names) for each in value)
        elif item.type is str:
            changes[item.name] = replaced(value)
        elif item.type == tuple[str, ...]:
            changes[item.name] = tuple(map(replaced, value))
    return dataclasses.replace(settings, **changes)


def is_part(name: str) -> bool:
    """Whether this is a part of a run's text, by number: no name of a file is in it."""
    return re.fullmatch(r"(train|validation)( \d+)?", name) is not None


def versions(circumstances: Mapping[str, Any]) -> dict[str, Any]:
    """Returns of the circumstances of a training the versions of the software alone."""
    found = circumstances.get("versions")
    known = found if isinstance(found, Mapping) else {}
    return {"versions": {str(name): known[name] for name in known}}
