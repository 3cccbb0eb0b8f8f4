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
    """Write a trained model as something that translates without torch.

    seq2seq export runs/mine --out exported

    seq2seq translate exported < input.txt

    seq2seq export runs/mine --format html --out translator.html --about.licence CC0-1.0
    """

    run: RunArgument
    """The run directory."""
    out: Annotated[str, tyro.conf.arg(metavar="DIR|FILE")] = ""
    """What to write: for onnx a directory, which is made; for html a file."""
    format: Literal["onnx", "html"] = "onnx"
    """onnx: a directory of files for programs of any kind, which `seq2seq translate` takes as it
    takes a run. html: one page that translates in a browser, without a network; in int8."""
    quantize: Literal["none", "int8"] = "none"
    """int8: round the weights to 8 bits; a quarter of the size, and quicker. html always does."""
    overwrite: bool = False
    """Replace an export that is there."""
    about: AboutSettings = field(default_factory=AboutSettings)
    """What is said of the model; the rest is as in the run."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.out:
            kind = "FILE" if self.format == "html" else "DIR"
            yield f"give --out {kind}, where to write the export"


def export_command(arguments: list[str]) -> None:
    """Write a trained model as what translates without torch: ONNX files, or a page."""
    command = parse_command(ExportCommand, arguments, "seq2seq export")
    write = export_page if command.format == "html" else export_onnx
    write(command)


def export_onnx(command: ExportCommand) -> None:
    """Writes a run as ONNX files."""
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


def export_page(command: ExportCommand) -> None:
    """Writes a run as an HTML file."""
    from seq2seq.export.about import about_page
    from seq2seq.export.html import Content, check_new, ignored, page, write_page

    check_new(command.out, overwrite=command.overwrite)
    run = open_run(command.run)
    experiment = run.experiment(Experiment)
    from seq2seq.translation.ensemble import load_translation_model

    loaded = load_translation_model(run)
    if names := ignored(experiment.decoding):
        write_stderr(
            f"note: the run's settings of decoding ask for what a page can't do: it is searched "
            f"with a beam and without {', '.join(names)}"
        )
    content = Content(loaded.model, (loaded.source, loaded.target), experiment)
    parameters = sum(weight.numel() for weight in loaded.model.parameters())
    about = about_page(run, command.about, parameters)
    write_page(command.out, page(content, about), overwrite=command.overwrite)
