"""``seq2seq translate --out``: a text of any length, by several processes if wished."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from seq2seq.cli.options import load_translator
from seq2seq.cli.translate_options import Translate
from seq2seq.cli.translate_rows import (
    check_line,
    describe_pairs,
    header,
    lines_to_read,
    output_rows,
)
from seq2seq.config.base import to_dict
from seq2seq.console import write_stderr
from seq2seq.errors import RunError
from seq2seq.runs.hub import resolve
from seq2seq.translation.bulk import Bulk, Chunk, fingerprint, translate_file

if TYPE_CHECKING:
    from seq2seq.translation.translator import Translator

CHUNK_BATCHES = 4
"""So many batches are a chunk: among its lines there are enough of like length."""
WRITTEN = ("n_best", "json", "pairs", "scores", "reverse", "tag", "alignment")
"""What the output depends on, besides text, model and search."""


def write_file(command: Translate, translator: Translator) -> None:
    """Translates a text into the file of --out, or goes on with it.

    Raises:
        DataError, RunError, SettingsError: as `translate_file`; the model can't do what is asked.
    """
    command = replace(  # workers fetch nothing
        command,
        run=str(resolve(command.run)),
        ensemble=tuple(str(resolve(each)) for each in command.ensemble),
    )
    translator.with_settings({}, attention=command.alignment)
    lines_to_read(iter(()), command, translator)
    models = model_digests(command)
    settings = to_dict(command.decoding) | {name: getattr(command, name) for name in WRITTEN}
    translate = (
        partial(translate_in_worker, command, models)
        if command.workers
        else partial(translate_chunk, command, translator)
    )
    bulk = Bulk(
        text=Path(command.file),
        out=Path(command.out),
        chunk_lines=CHUNK_BATCHES * command.decoding.batch_size,
        workers=command.workers,
        header=header(command),
        check_line=lambda number, line: check_line(number, line, command),
    )
    if command.pairs:
        write_stderr(describe_pairs(command))
    job = {"model": models, "settings": settings}
    translate_file(bulk, translate, job, restart=command.restart)


def model_digests(command: Translate) -> list[str]:
    """Returns a digest of each model that the translations depend on."""
    models = [command.run, *command.ensemble, command.decoding.language_model]
    return fingerprint([path for path in models if path])


def translate_chunk(command: Translate, translator: Translator, chunk: Chunk) -> str:
    """Returns the rows of a chunk, each with its end."""
    lines = lines_to_read(iter([chunk.lines]), command, translator)
    found = translator.candidate_lines(
        lines, command.n_best, attention=command.alignment, first=chunk.first
    )
    return "".join(
        f"{row}\n"
        for number, (line, candidates) in enumerate(found, chunk.first)
        for row in output_rows(number, line, candidates, command)
    )


def translate_in_worker(command: Translate, models: list[str], chunk: Chunk) -> str:
    """`translate_chunk` in a process that loads the models by itself, once."""
    return translate_chunk(command, load_once(command, tuple(models)), chunk)


@lru_cache(maxsize=1)
def load_once(command: Translate, models: tuple[str, ...]) -> Translator:
    """Loads the translator of a worker; RunError if the model is not that of the job any more."""
    translator = load_translator(command)
    if model_digests(command) != [*models]:
        raise RunError(f"{command.run} was changed meanwhile, as by a training: --restart")
    return translator
