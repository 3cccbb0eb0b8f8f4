"""``seq2seq export``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from seq2seq.cli.options import RunArgument, open_run, parse_command
from seq2seq.config.about import AboutSettings
from seq2seq.config.experiment import Experiment
from seq2seq.console import write_stderr


@dataclass(frozen=True)
class ExportCommand:
    """Write a trained model as ONNX files: a directory that translates without torch.

    seq2seq export runs/mine --out exported

    seq2seq translate exported < input.txt

    seq2seq export runs/mine --out exported --about.author "Our school" --about.licence CC0-1.0
    """

    run: RunArgument
    """The run directory."""
    out: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """The directory of the export; it is made."""
    format: Literal["onnx"] = "onnx"
    """What to write: ONNX files, for programs of any kind."""
    quantize: Literal["none", "int8"] = "none"
    """int8: round the weights to 8 bits; a quarter of the size, and quicker."""
    overwrite: bool = False
    """Replace an export that is there."""
    about: AboutSettings = field(default_factory=AboutSettings)
    """What is said of the model; the rest is as in the run."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.out:
            yield "give --out DIR, where to write the export"


def export_command(arguments: list[str]) -> None:
    """Write a trained model as ONNX files, which translate without torch."""
    command = parse_command(ExportCommand, arguments, "seq2seq export")
    from seq2seq.export.about import about_run
    from seq2seq.export.directory import check_free, supported
    from seq2seq.export.write import write_export

    check_free(Path(command.out), overwrite=command.overwrite)
    run = open_run(command.run)
    experiment = run.experiment(Experiment)
    from seq2seq.translation.ensemble import load_translation_model

    loaded = load_translation_model(run)
    if supported(experiment.decoding) != experiment.decoding:
        write_stderr(
            "note: the run's settings of decoding ask for what an export can't do: it is searched "
            "with a beam, of the whole vocabulary, in float32"
        )
    write_export(
        command.out,
        loaded.model,
        (loaded.source, loaded.target),
        replace(experiment, about=about_run(run, command.about)),
        int8=command.quantize == "int8",
        overwrite=command.overwrite,
    )
