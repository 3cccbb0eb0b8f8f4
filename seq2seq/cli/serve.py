"""``seq2seq serve``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Annotated, TypeAlias

import tyro

from seq2seq.cli.options import Device, parse_command
from seq2seq.config.serving import ServingSettings
from seq2seq.errors import SettingsError
from seq2seq.training.preflight import device_problems

RunsArgument: TypeAlias = Annotated[
    tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN|de-en=RUN")
]
PACKAGES = (
    *("starlette", "uvicorn", "python_multipart", "prometheus_client", "sentencex", "py3langid"),
)
"""What is needed beside the packages of every command."""


@dataclass(frozen=True)
class Serve:
    """Serve trained models over HTTP: LibreTranslate's API, and a page to translate in a browser.

    seq2seq serve runs/de-en runs/en-de

    A run is of one pair of languages; one that does not say of which is given with them:

    seq2seq serve de-en=runs/mine --port 8000

    An export (`seq2seq export`) is served as a run is, quicker and without torch.
    """

    runs: RunsArgument
    """Directories of runs or exports, or models on the Hugging Face Hub (hf://user/name), each of
    another pair of languages."""
    device: Device = "auto"
    """Where to compute; auto takes what is there."""
    serving: tyro.conf.OmitArgPrefixes[ServingSettings] = field(default_factory=ServingSettings)
    """How to serve."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.runs:
            yield "give RUN, or several of different languages: seq2seq serve RUN [RUN ...]"
        yield from device_problems(self.device)


def serve_command(arguments: list[str]) -> None:
    """Serve models over HTTP: LibreTranslate's API, and a page."""
    command = parse_command(Serve, arguments, "seq2seq serve")
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise SettingsError(
            f"this needs packages that are not installed, {', '.join(missing)}: "
            f"pip install {' '.join(name.replace('_', '-') for name in missing)}"
        )
    from seq2seq.serving.models import ServedModels
    from seq2seq.serving.server import API_KEY, listen, read_key, serve

    settings = command.serving
    key = read_key(settings.api_key_file, os.environ.get(API_KEY))
    with listen(settings) as listening:
        serve(ServedModels(command.runs, command.device), settings, listening, key)
