"""experiment.json: what a run is, what made it, and which files belong to it.

Its id is made of all the settings that a run was begun with, of its text and its tokenizers, and
stands in each of the run's files of tensors. Of the other files it has the checksums. So a file
that was damaged, or taken from another run, is named when it is loaded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seq2seq.config.base import to_dict
from seq2seq.config.experiment import BaseExperiment, base_class
from seq2seq.config.wording import counted
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.errors import DataError, RunError
from seq2seq.runs.directory import FORMAT, FORMATS, RunDirectory
from seq2seq.runs.files import read_json, system_errors, write_bytes, write_json
from seq2seq.runs.provenance import environment

EXCLUDED_FIELDS = ("run", "resume", "overwrite", "device", "monitor", "dry_run")
"""Where a run lies and how its training was started is no part of what it is."""
MAX_CONTINUATIONS = 100
"""So many times that a run was continued are described, the last ones."""


class TextSummary(NamedTuple):
    """A part of the text that a run learns from, for its description.

    Attributes:
        sha256: of all its lines.
        lines: how many there are, of each side.
        read: how many there were in the files.
    """

    sha256: str
    lines: int
    read: int


def summarize_text(sides: Sequence[Sequence[str]], read: int | None = None) -> TextSummary:
    """A part of the text: its sides, or its one list of lines, and how many lines were read."""
    # The digest of json.dumps(sides), line by line: at once, it would take many times the text.
    digest = hashlib.sha256()
    for number, side in enumerate(sides):
        digest.update(b", [" if number else b"[[")
        for place, line in enumerate(side):
            digest.update((", " * (place > 0) + json.dumps(line)).encode())
        digest.update(b"]")
    digest.update(b"]")
    lines = len(sides[0])
    return TextSummary(digest.hexdigest(), lines, lines if read is None else read)


def save_metadata(
    run: RunDirectory,
    experiment: BaseExperiment,
    parts: Mapping[str, TextSummary],
    pipelines: Mapping[str, TextPipeline],
) -> str:
    """Writes all of a run but its weights; if it is a new one, into a directory made for it.

    `parts` are those of the text, by name; `pipelines` are by side. Returns the id of the run.

    Raises:
        DataError: a run is continued with other text than it was begun with.
    """
    text = {name: each._asdict() for name, each in parts.items()}
    values = describe_experiment(experiment)
    if experiment.resume:
        stored = read_metadata(run)
        check_same_text(stored["text"], text, run)
        kept = {name: stored[name] for name in ("id", "files", "text", "begun")}
        again = [*stored["continued"][1 - MAX_CONTINUATIONS :], environment()]
        write_with_checksum(run, {**values, **kept, "continued": again})
        return str(stored["id"])
    run.create(overwrite=experiment.overwrite)
    contents = {
        path: saved_bytes(save)
        for side, pipeline in pipelines.items()
        for path, save in (
            (run.tokenizer(side), pipeline.tokenizer.save),
            (run.vocab(side), pipeline.vocab.save),
        )
    }
    files = {path.name: hashlib.sha256(data).hexdigest() for path, data in contents.items()}
    run_id = hashlib.sha256(json.dumps([values, text, files]).encode()).hexdigest()
    # Before the rest: without its description, a directory is not known as a run.
    begun = {"begun": environment(), "continued": []}
    write_with_checksum(run, {**values, "id": run_id, "files": files, "text": text, **begun})
    for path, data in contents.items():
        write_bytes(path, data)
    return run_id


def write_with_checksum(run: RunDirectory, values: Mapping[str, Any]) -> None:
    """Writes a description with a checksum of itself."""
    write_json(run.experiment, {**values, "sha256": checksum(values)})


def checksum(values: Mapping[str, Any]) -> str:
    """SHA-256 of a description, whatever the white space; "sha256" itself is left out."""
    rest = {name: value for name, value in values.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def saved_bytes(save: Callable[[Path], None]) -> bytes:
    """What would be written."""
    with (
        system_errors("no temporary file could be written"),
        tempfile.TemporaryDirectory() as folder,
    ):
        path = Path(folder) / "content"
        save(path)
        return path.read_bytes()


def check_same_text(before: Any, now: Mapping[str, Any], run: RunDirectory) -> None:
    """Raises DataError unless each part of the text is what the run was begun with."""
    nothing = TextSummary("", 0, 0)._asdict()
    try:
        known = {
            name: TextSummary(**(before.get(name, nothing) if " " in name else before[name]))
            for name in now
        }
    except (KeyError, TypeError) as error:
        raise RunError(
            f"{run.experiment} is damaged: it does not say which text was read"
        ) from error
    other = [
        f"{name} text ({counted(each['lines'], 'line')}) is not what {run.path} was begun with "
        f"({counted(known[name].lines, 'line')})"
        for name, each in now.items()
        if each["sha256"] != known[name].sha256
    ]
    if other:
        raise DataError(
            f"{' and '.join(other)}: give it the same text, or train another run with --run"
        )


def describe_experiment(experiment: BaseExperiment) -> dict[str, Any]:
    """What an experiment is, for the description; the same for the same run, wherever it lies."""
    own = {item.name for item in dataclasses.fields(base_class(type(experiment)))}
    fields = to_dict(experiment).items()
    values = {name: value for name, value in fields if name not in EXCLUDED_FIELDS}
    return {
        "format": FORMAT,
        "model": experiment.KIND,
        "experiment": {name: value for name, value in values.items() if name in own},
        "recipe": {name: value for name, value in values.items() if name not in own},
    }


def read_metadata(run: RunDirectory) -> dict[str, Any]:
    """Reads and verifies experiment.json.

    Raises:
        RunError: there is no run, or its description is damaged or of another version.
    """
    run.check_exists()
    values = read_json(run.experiment)
    found = values.get("format") if isinstance(values, dict) else None
    if found != FORMAT:
        known = isinstance(found, str) and found.startswith(FORMATS)
        why = f": {found} was written by another version of seq2seq" if known else ""
        raise RunError(f"{run.experiment} is not a description of the format {FORMAT!r}{why}")
    kinds = {"model": str, "id": str, "experiment": dict, "recipe": dict, "continued": list}
    kinds |= {"files": dict, "text": dict, "begun": dict}
    wrong = [name for name, kind in kinds.items() if not isinstance(values.get(name), kind)]
    if wrong:
        raise RunError(f"{run.experiment} is damaged: it lacks {', '.join(wrong)}")
    if values.get("sha256") != checksum(values):
        raise RunError(
            f"{run.experiment} is damaged, or was changed by hand: copy it again. Settings are "
            "given where a run is used, as in seq2seq translate RUN --decoding.beam-size 3"
        )
    return dict(values)
