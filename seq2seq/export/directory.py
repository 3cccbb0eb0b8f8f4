"""An exported model on disk: written whole, and verified before anything in it is used.

Nothing here, and nothing that it imports, needs torch or onnx: so an export is read without them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import seq2seq
from seq2seq.config.arguments import check_run_path
from seq2seq.config.base import from_dict
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.base import load_tokenizer
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import Vocab
from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.export.model import ExportedModel
from seq2seq.export.operators import find_operators
from seq2seq.runs.directory import EXPORT_DESCRIPTION as DESCRIPTION
from seq2seq.runs.directory import SIDES
from seq2seq.runs.files import TEMPORARY_SUFFIX, read_json, system_errors, write_bytes, write_json
from seq2seq.runs.hub import resolve
from seq2seq.runs.metadata import checksum

FORMATS = "seq2seq export "
"""What the format of an export begins with; a number follows."""
FORMAT = FORMATS + "1"
ENCODER, STEP = "encoder.onnx", "step.onnx"
FILES = (
    *(ENCODER, STEP),
    *(f"{side}.{what}" for side in SIDES for what in ("tokenizer", "vocab.json")),
)
"""All that an export consists of, besides its description."""
UNSUPPORTED = ("method", "shortlist", "language_model", "precision")
"""Settings of decoding that an exported model can't follow, but for their defaults."""
WITHOUT_EFFECT = (
    *("groups", "diversity", "temperature", "top_k", "top_p", "samples", "utility", "seed"),
    "language_model_weight",
)
"""Settings that belong to these."""


def supported(settings: DecodingSettings) -> DecodingSettings:
    """Returns the settings with the defaults of those that an exported model can't follow."""
    defaults, names = DecodingSettings(), (*UNSUPPORTED, *WITHOUT_EFFECT)
    return dataclasses.replace(settings, **{name: getattr(defaults, name) for name in names})


def check_supported(settings: DecodingSettings) -> None:
    """Raises SettingsError, with their names, for settings that an exported model can't follow."""
    defaults = DecodingSettings()
    wrong = [name for name in UNSUPPORTED if getattr(settings, name) != getattr(defaults, name)]
    if wrong:
        said = ", ".join(f"{name.replace('_', '-')} {getattr(settings, name)}" for name in wrong)
        raise SettingsError(
            f"{said}: an exported model is searched greedily or with a beam, by itself and in its "
            "own precision; for the rest use the run that it was made from"
        )


def check_free(path: Path, *, overwrite: bool) -> None:
    """Raises RunError unless an export may be written to a directory.

    It may where there is nothing, or what is left of one that was never finished; with `overwrite`
    where there is an export; never in a directory with something else in it.
    """
    with system_errors(f"{path} can't be read"):
        if not path.exists():
            return
        if not path.is_dir():
            raise RunError(f"{path} is a file: give another --out")
        found = {each.name.removesuffix(TEMPORARY_SUFFIX) for each in path.iterdir()}
    if not found <= {*FILES, DESCRIPTION}:
        raise RunError(
            f"{path} holds something that is not an export, which is never deleted: give another "
            "--out"
        )
    if DESCRIPTION in found and not overwrite:
        raise RunError(
            f"{path} is an export already: give another --out, or replace it with --overwrite"
        )


def write_directory(
    path: Path, contents: Mapping[str, bytes], description: Mapping[str, Any], *, overwrite: bool
) -> None:
    """Writes the files of an export, and last its description, without which it is none.

    Args:
        path: where; it is made.
        contents: of each of `FILES`.
        description: what `Export` reads besides format, operators and checksums.
        overwrite: replace an export that is there.

    Raises:
        RunError: as `check_free`, or it can't be written.
    """
    check_free(path, overwrite=overwrite)
    with system_errors(f"{path} could not be written"):
        path.mkdir(parents=True, exist_ok=True)
        (path / DESCRIPTION).unlink(missing_ok=True)
    for name, data in contents.items():
        write_bytes(path / name, data)
    values = {
        "format": FORMAT,
        "seq2seq": seq2seq.__version__,
        **description,
        "operators": sorted(find_operators(contents[ENCODER]) | find_operators(contents[STEP])),
        "files": {
            name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in contents.items()
        },
    }
    write_json(path / DESCRIPTION, {**values, "sha256": checksum(values)})


def open_export(path: object) -> Export | None:
    """Returns the export at a path, or one that is open already; None for anything else.

    For a model on the Hub, the path is that of `resolve`.

    Raises:
        RunError: as `Export`.
    """
    if isinstance(path, str | Path) and os.path.lexists(Path(path) / DESCRIPTION):
        return Export(path)
    return path if isinstance(path, Export) else None


class Export:
    """An export whose description was read and verified, once; it hands out what is in it.

    Raises:
        SettingsError: it can't be a path.
        RunError: there is no export, or it is damaged or of another version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(resolve(check_run_path(path)))
        description = self.path / DESCRIPTION
        values = read_json(description)
        found = values.get("format") if isinstance(values, dict) else None
        if found != FORMAT:
            known = isinstance(found, str) and found.startswith(FORMATS)
            why = f": {found} was written by another version of seq2seq" if known else ""
            raise RunError(f"{description} is not a description of the format {FORMAT!r}{why}")
        if values.get("sha256") != checksum(values):
            raise RunError(f"{description} is damaged, or was changed by hand: copy it again")
        self.metadata: dict[str, Any] = values
        try:
            self.known = from_dict(Experiment, values["experiment"], stored=True)
            self.files = {
                name: (int(values["files"][name]["bytes"]), str(values["files"][name]["sha256"]))
                for name in FILES
            }
        except (KeyError, TypeError, ValueError, OverflowError, SettingsError) as error:
            raise RunError(f"{description} is damaged: {error}") from error

    def experiment(self, kind: type[Experiment] = Experiment) -> Experiment:
        """Returns what is known of the run: decoding, and how BLEU counts words. See `Run`."""
        return self.known

    def read(self, name: str) -> bytes:
        """Returns the contents of a file, whose size is compared before it is read.

        Raises:
            RunError: it is missing, or is not what the description says.
        """
        path = self.path / name
        size, expected = self.files[name]
        if not path.is_file():
            raise RunError(f"{path} is missing: {self.path} is not a complete export")
        with system_errors(f"{path} could not be read"), path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == size:
                data = file.read(size + 1)
                if hashlib.sha256(data).hexdigest() == expected:
                    return data
        raise RunError(
            f"{path} is damaged, or belongs to another export than {DESCRIPTION} beside it: copy "
            "the files of one export together"
        )

    def pipelines(self) -> tuple[TextPipeline, TextPipeline]:
        """Returns tokenizer and vocabulary of the source and of the target side.

        Raises:
            RunError: a file is missing or damaged.
        """
        source, target = (self._pipeline(side) for side in SIDES)
        return source, target

    def _pipeline(self, side: str) -> TextPipeline:
        tokenizer, vocab = f"{side}.tokenizer", f"{side}.vocab.json"
        for name in (tokenizer, vocab):
            self.read(name)
        try:
            parts = load_tokenizer(self.path / tokenizer), Vocab.load(self.path / vocab)
        except DataError as error:
            raise RunError(str(error)) from error
        return TextPipeline(*parts)

    def load_model(self) -> ExportedModel:
        """Returns the model.

        Raises:
            RunError: a file is missing or damaged, or does more than compute.
            SettingsError: onnxruntime is not installed.
        """
        graphs = []
        for name in (ENCODER, STEP):
            data = self.read(name)
            try:
                find_operators(data)
            except DataError as error:
                raise RunError(f"{self.path / name}: {error}") from error
            graphs.append(data)
        return ExportedModel(*graphs, where=self.path)
