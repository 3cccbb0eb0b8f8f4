"""Runs and exports changed by hand, as by someone who knows how they are described."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seq2seq.runs.metadata import checksum


def redescribe(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes a run's description in place."""
    path = run / "experiment.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    values["sha256"] = checksum(values)
    path.write_text(json.dumps(values), encoding="utf-8")


def reseal(run: Path) -> None:
    """Makes the description agree with the tokenizers and vocabularies that are there."""

    def change(values: dict[str, Any]) -> None:
        values["files"] = {
            name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in values["files"]
        }

    redescribe(run, change)


def redescribe_export(export: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes an export's description in place."""
    path = export / "export.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    values["sha256"] = checksum(values)
    path.write_text(json.dumps(values), encoding="utf-8")


def replace_in_export(export: Path, name: str, data: bytes) -> None:
    """Puts another file into an export, with its right checksum."""
    (export / name).write_bytes(data)
    said = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    redescribe_export(export, lambda values: values["files"].update({name: said}))
