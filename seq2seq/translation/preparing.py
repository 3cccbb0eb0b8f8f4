"""Parallel text of any size -> prepared text: read, cleaned, tokenized on all cores.

Twice through the text: it is read and cleaned in one process, into shards of text; tokenizers and
vocabularies are learned from a sample of these; then processes tokenize them, a shard each. Every
shard is written as a whole. If this is stopped once all text was read, the same call goes on with
the shards that are left.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from seq2seq.config.data import TOKEN_SETTINGS
from seq2seq.config.parent import token_setting
from seq2seq.config.wording import counted
from seq2seq.data.pairs import comparable
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.prepared import FORMAT, PreparedText, load_pipeline, read_shard
from seq2seq.data.prepared_folder import (
    DESCRIPTION,
    LOCK_NAME,
    SIDES,
    UNFINISHED,
    VALIDATION,
    foreign_files,
    is_begun,
    is_ours,
    is_prepared,
)
from seq2seq.data.readers.languages import guess_languages
from seq2seq.errors import DataError, RunError
from seq2seq.runs.files import read_json, system_errors, write_atomically, write_json, write_text
from seq2seq.runs.metadata import saved_bytes
from seq2seq.training.reporting import log_line
from seq2seq.translation.initialization import make_pipelines
from seq2seq.translation.text_shards import Preparation, ReadText, read_all
from seq2seq.translation.tokenized_shards import Tokenizing, tokenize_shards


def prepare_text(asked: Preparation, folder: Path, *, overwrite: bool = False) -> PreparedText:
    """Prepares text in a folder, or goes on with it; returns it at once if it is there already.

    Raises:
        DataError, SettingsError: the text can't be read, or nothing is left of it.
        RunError: other text was prepared there, the disk is full, or another process writes there.
    """
    request = asked.request
    with lock_folder(folder):
        before = found_request(folder)
        if before not in ("", request) and not overwrite:
            raise RunError(
                f"{folder} has text that was prepared from other files or with other settings: "
                "give another directory, or --overwrite"
            )
        if before == request and is_prepared(folder):
            log_line(f"{folder}: the text is prepared already")
            return PreparedText(folder)
        if before == request:
            log_line(f"{folder}: the text was read before, and what is left of it is tokenized")
            found = ReadText(**read_json(folder / UNFINISHED))
        else:
            delete(folder)
            try:
                found = read_all(asked, folder, request)
            except BaseException:
                delete(folder)  # it would be read anew
                raise
        finish(asked, folder, found, learn(asked, folder, found.shards))
        return PreparedText(folder)


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Holds a folder, which is made; RunError if another process prepares text there."""
    with system_errors(f"{folder} could not be made"):
        if folder.is_dir() and not is_begun(folder) and (left := foreign_files(folder)):
            raise RunError(
                f"{folder} holds something that is no prepared text ({left[0]}): give another "
                "directory"
            )
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK_NAME, timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise RunError(
                f"{folder} is being prepared by another process: wait for it, or give another "
                "directory"
            ) from error
    try:
        yield
    finally:
        (folder / LOCK_NAME).unlink(missing_ok=True)
        lock.release()
        with suppress(OSError):  # nothing was begun: only an empty directory goes
            folder.rmdir()


def delete(folder: Path) -> None:
    """Deletes prepared text, whole or not, and nothing else."""
    with system_errors(f"{folder} could not be written"):
        # The description goes last: with it, the folder is known as ours.
        for path in sorted(
            folder.iterdir(), key=lambda path: path.name in (DESCRIPTION, UNFINISHED)
        ):
            if is_ours(path) and path.name != LOCK_NAME and path.is_file():
                path.unlink(missing_ok=True)


def found_request(folder: Path) -> str:
    """Returns the checksum of what was asked for in a folder; "" if nothing was."""
    for name in (DESCRIPTION, UNFINISHED):
        if (folder / name).is_file():
            return str(dict(read_json(folder / name)).get("request"))
    return ""


# --------------------------------------------------------------------------------------------------
# Tokenizers and vocabularies are learned


def learn(asked: Preparation, folder: Path, shards: Sequence[int]) -> list[str]:
    """Learns from a sample of the text, which is gone from memory then.

    Returns:
        The sources to set aside for validation, if no text is named for it.
    """
    sample = draw_sample(folder, shards, asked)
    learn_pipelines(folder, sample, asked)
    return [] if asked.data.validation else draw_validation(sample, asked)


def draw_sample(folder: Path, shards: Sequence[int], asked: Preparation) -> ParallelCorpus:
    """Returns pairs drawn from all text, in their order there; all of it if it has no more."""
    total = sum(shards)
    drawn = iter(sorted(random.Random(asked.seed).sample(range(total), min(asked.sample, total))))
    sides: tuple[list[str], list[str]] = ([], [])
    first, position = 0, next(drawn, total)
    for number, size in enumerate(shards):
        places = []
        while position < first + size:
            places.append(position - first)
            position = next(drawn, total)
        blocks = read_shard(folder / f"text-{number:05}.arrow")
        for side, name in zip(sides, SIDES, strict=True):
            texts = [*chain.from_iterable(block.column(name).to_pylist() for block in blocks)]
            side += [texts[place] for place in places]
        first += size
    return ParallelCorpus(*sides, folder.name)


def learn_pipelines(folder: Path, sample: ParallelCorpus, asked: Preparation) -> None:
    """Learns tokenizers and vocabularies, or takes those of other runs, and writes them."""
    if all((folder / f"{side}.vocab.json").is_file() for side in SIDES):
        return
    if len(sample) >= asked.sample:
        log_line(f"tokenizers and vocabularies are learned from {counted(len(sample), 'pair')}")
    sides = make_pipelines(sample, asked.data, asked.model)
    for side, (pipeline, _) in zip(SIDES, sides, strict=True):  # vocabularies behind tokenizers
        save = pipeline.tokenizer.save
        write_atomically(folder / f"{side}.tokenizer", save)
    for side, (pipeline, _) in zip(SIDES, sides, strict=True):
        write_atomically(folder / f"{side}.vocab.json", pipeline.vocab.save)


def draw_validation(sample: ParallelCorpus, asked: Preparation) -> list[str]:
    """Draws sources to set aside for validation, as they are compared."""
    size = asked.data.validation_size
    sources = list(dict.fromkeys(map(comparable, sample.sources)))
    if len(sources) <= size:
        raise DataError(
            f"{sample.name} has {counted(len(sources), 'different source sentence')}, and {size:,} "
            "are to be set aside for validation: give --data.validation FILE or a smaller "
            "--data.validation-size"
        )
    return random.Random(asked.seed).sample(sources, size)


# --------------------------------------------------------------------------------------------------
# Text is tokenized


def finish(asked: Preparation, folder: Path, found: ReadText, held: Sequence[str]) -> None:
    """Tokenizes all shards, describes what there is, and deletes what is needed no more."""
    source, target = (load_pipeline(folder, side) for side in SIDES)
    work = Tokenizing(folder, source, target, frozenset(held), asked.is_text)
    written = tokenize_shards(work, found.shards, asked.workers)
    if held:
        pairs = chain.from_iterable(each["held"] for each in written)
        rows = [dict(zip(SIDES, pair, strict=True)) for pair in pairs]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_text(folder / VALIDATION, lines)
    lengths: dict[int, list[int]] = {}
    for each in written:
        for length, counts in each["lengths"].items():
            sums = lengths.setdefault(int(length), [0, 0, 0])
            lengths[int(length)] = [a + b for a, b in zip(sums, counts, strict=True)]
    shards = [{name: each[name] for name in ("name", "bytes", "blocks")} for each in written]
    shards = [each for each in shards if each["blocks"]]
    languages = guess_languages([str(file) for file in asked.corpora[0]])
    dropped = dict(found.dropped)
    if held:
        dropped["for validation"] = sum(len(each["held"]) for each in written)
    files = [
        hashlib.sha256(saved_bytes(part.save)).hexdigest()
        for part in (source.tokenizer, source.vocab, target.tokenizer, target.vocab)
    ]
    parts = [FORMAT, asked.is_text, found.sha256, files, shards]
    description: dict[str, Any] = {
        "format": FORMAT,
        "key": hashlib.sha256(json.dumps(parts).encode()).hexdigest(),
        "request": found.request,
        "is_text": asked.is_text,
        "settings": {name: token_setting(asked.data, name) for name in TOKEN_SETTINGS},
        "about": dict(zip(("source_language", "target_language"), languages, strict=True)),
        "read": found.read,
        "dropped": dropped,
        "lengths": dict(sorted(lengths.items())),
        "shards": shards,
    }
    write_json(folder / DESCRIPTION, description)
    with system_errors(f"{folder} could not be written"):
        for path in (*folder.glob("text-*"), *folder.glob("pairs-*.json"), folder / UNFINISHED):
            path.unlink(missing_ok=True)
