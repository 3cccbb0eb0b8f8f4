"""``seq2seq push``."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import tyro

from seq2seq.cli.card import (
    DescribedModel,
    about_model,
    notes,
    open_model,
    validation_scores,
    write_card,
)
from seq2seq.cli.options import FileOption, parse_again, parse_command
from seq2seq.cli.parse import name_after_run
from seq2seq.config.changes import check_unused
from seq2seq.console import write_stderr
from seq2seq.errors import RunError, SettingsError
from seq2seq.runs.files import MAX_JSON_BYTES, read_bytes, system_errors, write_bytes
from seq2seq.runs.hub import CARD, LOG_IN, is_revision, upload

if TYPE_CHECKING:
    from seq2seq.export.directory import Export
    from seq2seq.runs.run import Run


@dataclass(frozen=True)
class PushCommand(DescribedModel):
    """Put a model on the Hugging Face Hub: its files, without the training's state, and a card.

    seq2seq push runs/mine user/name --about.author "Our school" --licence cc-by-4.0

    seq2seq translate hf://user/name < input.txt

    seq2seq push runs/mine --to-folder published

    The files are listed, and it is asked whether they are to be uploaded. Of the machine,
    of directories and of the command line nothing is in them.
    """

    to_folder: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Write the files into this folder instead, which is made: what would be on the Hub."""
    card: FileOption = ""
    """A card of your own, as seq2seq card has written it and you have gone on. Empty: as seq2seq
    card would write it."""
    revision: Annotated[str, tyro.conf.arg(metavar="BRANCH")] = ""
    """Push to this branch, which is made if there is none. Empty: the main one."""
    private: bool = False
    """Make a new model private."""
    message: Annotated[str, tyro.conf.arg(metavar="TEXT")] = "A model of seq2seq"
    """What is said of this version on the Hub."""
    yes: bool = False
    """Upload without asking."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        yield from super().problems()
        if bool(self.repository) == bool(self.to_folder):
            yield "give USER/NAME, the model's name on the Hub, or --to-folder DIR: one of them"
        elif self.revision and not is_revision(self.revision):
            yield f"--revision {self.revision!r} is no name of a branch"
        hub = dict.fromkeys(("revision", "private", "message", "yes"), not self.to_folder)
        yield from check_unused(self, "--", hub, "--to-folder")
        yield from check_unused(self, "--", {"licence": not self.card}, "--card, which says it")


def push_command(arguments: list[str]) -> None:
    """Put a model on the Hugging Face Hub, or into a folder, with a model card."""
    prog = "seq2seq push"
    arguments = name_after_run(arguments, "--repository")
    command = parse_command(PushCommand, arguments, prog)
    from seq2seq.export.publish import check_empty

    if command.to_folder:
        check_empty(Path(command.to_folder))
    else:
        check_may_upload(command)
    card = read_bytes(Path(command.card), MAX_JSON_BYTES) if command.card else b""
    model = open_model(command.run)
    command = parse_again(command, arguments, prog, about=about_model(model))
    with system_errors("no temporary folder could be made"), TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        write_files(command, model, folder, card)
        for line in listed(command, folder):
            write_stderr(line)
        for line in () if card else notes(command):
            write_stderr(line)
        if command.to_folder:
            with system_errors(f"{command.to_folder} could not be written"):
                shutil.copytree(folder, command.to_folder, dirs_exist_ok=True)
        elif command.yes or asked():
            revision, private = command.revision or None, command.private
            print(
                upload(
                    folder,
                    command.repository,
                    revision=revision,
                    private=private,
                    message=command.message,
                )
            )
        else:
            write_stderr("nothing was uploaded")


def check_may_upload(command: PushCommand) -> None:
    """Raises SettingsError where nobody can be asked, and RunError where there is no token."""
    if not command.yes and not (sys.stdin and sys.stdin.isatty()):
        raise SettingsError(
            "the files are listed, and it is asked whether to upload them, but there is no "
            "terminal: add --yes, or look at them first with --to-folder DIR"
        )
    from huggingface_hub import get_token

    if not get_token():
        raise RunError(f"the Hub takes models from those that it knows: {LOG_IN}")


def write_files(command: PushCommand, model: Run | Export, folder: Path, card: bytes) -> None:
    """Writes what is to be on the Hub into a folder; a card that is given in place of ours."""
    from seq2seq.export.directory import Export
    from seq2seq.export.publish import publish_export, publish_run

    if isinstance(model, Export):
        publish_export(model, command.about, folder)
    else:
        publish_run(model, command.about, folder)
    text = card or write_card(command, model, [*validation_scores(model)]).encode()
    write_bytes(folder / CARD, text)


def listed(command: PushCommand, folder: Path) -> Iterator[str]:
    """Yields the files with their sizes, and where they go."""
    files = sorted(folder.iterdir())
    sizes = [file.stat().st_size for file in files]
    for file, size in zip(files, sizes, strict=True):
        yield f"{size:>14,} bytes  {file.name}"
    where = command.to_folder or f"hf://{command.repository}"
    if command.revision:
        where += f"@{command.revision}"
    if not command.to_folder:
        where += ", private" if command.private else ", for everybody unless it is private there"
    yield f"{sum(sizes):>14,} bytes  in {len(files)} files to {where}"


def asked() -> bool:
    """Asks on the terminal whether to upload the files."""
    print("Upload these files? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
