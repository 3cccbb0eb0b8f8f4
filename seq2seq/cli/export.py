"""``seq2seq export``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from seq2seq.cli.options import RunArgument, is_other_kind, open_run, parse_again, parse_command
from seq2seq.config.about import AboutSettings
from seq2seq.config.experiment import Experiment
from seq2seq.console import write_stderr

if TYPE_CHECKING:
    from seq2seq.runs.run import Run


@dataclass(frozen=True)
class ExportCommand:
    """Write a trained model as something that translates without torch.

    seq2seq export runs/mine --out exported

    seq2seq translate exported < input.txt

    seq2seq export runs/mine --out translator.html --about.licence CC0-1.0
    """

    run: RunArgument
    """The run directory."""
    out: Annotated[str, tyro.conf.arg(metavar="DIR|FILE")] = ""
    """What to write: for onnx a directory, which is made; for html a file."""
    format: Literal["auto", "onnx", "html"] = "auto"
    """onnx: a directory of files for programs of any kind, which `seq2seq translate` takes as it
    takes a run. html: one page that translates in a browser, without a network. auto: html if the
    name of --out ends in .html, else onnx."""
    quantize: Literal["auto", "none", "int8"] = "auto"
    """int8: round the weights to 8 bits; a quarter of the size, and quicker. auto: none for onnx,
    int8 for html, which has nothing else."""
    overwrite: bool = False
    """Replace an export that is there."""
    about: AboutSettings = field(default_factory=AboutSettings)
    """What is said of the model. What is not given is as in the run; what is given as
    "" is not said."""

    @property
    def is_page(self) -> bool:
        """Whether an HTML file is written."""
        return self.format == "html" or (self.format == "auto" and self.named_page)

    @property
    def named_page(self) -> bool:
        """Whether --out is called as an HTML file is."""
        return Path(self.out).suffix.lower() in (".html", ".htm")

    @property
    def is_other_file(self) -> bool:
        """Whether --out is called as files are that no export is, as model.pdf."""
        return is_other_kind(self.out, (".html", ".htm"))

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.out:
            kinds = {"onnx": "DIR", "html": "FILE", "auto": "DIR or --out FILE.html"}
            yield f"give --out {kinds[self.format]}, where to write the export"
        if self.format == "onnx" and self.named_page:
            yield (
                f"--out {self.out} is the name of a page, and --format onnx writes a directory: "
                "give --format html, or another name"
            )
        if self.is_other_file:
            yield (
                f"--out {self.out} is called as a file of another kind: give FILE.html for a page "
                "that translates in a browser, or a name without an ending for a directory of ONNX "
                "files"
            )
        if self.is_page and self.quantize == "none":
            yield "--quantize none is for --format onnx: the weights of a page are always in int8"


def export_command(arguments: list[str]) -> None:
    """Write a trained model as what translates without torch: ONNX files, or a page."""
    prog = "seq2seq export"
    command = parse_command(ExportCommand, arguments, prog)
    from seq2seq.export.about import about_run
    from seq2seq.export.directory import check_free
    from seq2seq.export.html import check_new

    check = check_new if command.is_page else check_free
    check(Path(command.out), overwrite=command.overwrite)
    run = open_run(command.run)
    command = parse_again(command, arguments, prog, about=about_run(run))
    write = export_page if command.is_page else export_onnx
    write(command, run)
    for line in said(command):
        write_stderr(line)


def export_onnx(command: ExportCommand, run: Run) -> None:
    """Writes a run as ONNX files."""
    from seq2seq.export.directory import supported
    from seq2seq.export.write import write_export
    from seq2seq.translation.ensemble import load_translation_model

    loaded = load_translation_model(run)
    experiment = run.experiment(Experiment)
    if supported(experiment.decoding) != experiment.decoding:
        write_stderr(
            "note: the run's settings of decoding ask for what an export can't do: it is searched "
            "with a beam, of the whole vocabulary, in float32"
        )
    write_export(
        command.out,
        loaded.model,
        (loaded.source, loaded.target),
        replace(experiment, about=command.about),
        int8=command.quantize == "int8",
        overwrite=command.overwrite,
    )


def export_page(command: ExportCommand, run: Run) -> None:
    """Writes a run as an HTML file."""
    from seq2seq.export.about import about_page
    from seq2seq.export.html import Content, ignored, page, write_page
    from seq2seq.translation.ensemble import load_translation_model

    loaded = load_translation_model(run)
    experiment = run.experiment(Experiment)
    if names := ignored(experiment.decoding):
        write_stderr(
            f"note: the run's settings of decoding ask for what a page can't do: it is searched "
            f"with a beam and without {', '.join(names)}"
        )
    content = Content(loaded.model, (loaded.source, loaded.target), experiment)
    parameters = sum(weight.numel() for weight in loaded.model.parameters())
    about = about_page(run, command.about, parameters)
    write_page(command.out, page(content, about), overwrite=command.overwrite)


def said(command: ExportCommand) -> Iterator[str]:
    """Yields what was written, what it says of the model, and what it does not say."""
    out, about = Path(command.out), command.about
    files = [out] if command.is_page else [*out.iterdir()]
    size = sum(file.stat().st_size for file in files)
    kind = "a page" if command.is_page else f"a directory of {len(files)} files"
    yield f"{out}: {kind}, {size / 1e6:.1f} MB"
    yield f"about the model: {str(about) or 'nothing'}"
    unsaid = [each.name for each in fields(about) if not getattr(about, each.name)]
    if unsaid:
        flags = ", ".join(f"--about.{name.replace('_', '-')}" for name in unsaid)
        yield f"missing there, to be added with --overwrite: {flags}"
