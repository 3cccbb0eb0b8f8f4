"""Parallel text of any size -> shards of text: read and cleaned in one process, pair by pair."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

from seq2seq.config.data import DataSettings
from seq2seq.config.model import ModelSettings
from seq2seq.config.noise import NoiseSettings
from seq2seq.data.filters.base import PairFilter
from seq2seq.data.filters.cleaner import Cleaner
from seq2seq.data.filters.repeated import HeldOut
from seq2seq.data.pairs import Pair
from seq2seq.data.prepared import BLOCK, block_of, write_shard
from seq2seq.data.prepared_folder import SIDES, UNFINISHED
from seq2seq.data.readers.headers import Columns, as_column
from seq2seq.data.readers.sources import TextFiles, describe_files, stream_text
from seq2seq.errors import DataError
from seq2seq.runs.files import write_atomically, write_json
from seq2seq.training.reporting import ProgressBar
from seq2seq.translation.filters import make_filters
from seq2seq.translation.text import validation_sets

SAMPLE = 200_000
"""From so many pairs tokenizers and vocabularies are learned."""
SHARD = 16 * BLOCK
"""So many pairs stand in a file."""


class Preparation(NamedTuple):
    """What is to be prepared, and how.

    Attributes:
        corpora: the files of each corpus.
        data: columns, filters, tokens and validation text.
        model: which runs bring tokenizers with their weights.
        seed: draws the sample, and the pairs that are set aside.
        sample: how many pairs tokenizers and vocabularies are learned from.
        device: where models among the filters compute.
        workers: how many processes tokenize; 0: one for each core.
    """

    corpora: Sequence[TextFiles]
    data: DataSettings
    model: ModelSettings = ModelSettings()
    seed: int = 1
    sample: int = SAMPLE
    device: str = "auto"
    workers: int = 0

    @property
    def request(self) -> str:
        """A checksum of all that decides about the result, and of names and ages of the files."""
        data = asdict(self.data)
        of_training = ("max_length", "sampled_side", "prepare_above", "noise")
        for name in ("train", "train_target", *of_training):
            del data[name]
        data["subword_sampling"] = self.is_text
        held = (*self.data.validation, *self.data.validation_target, *self.data.filters.held_out)
        origins = [self.model.initialize, self.model.initialize_encoder]
        origins += [self.model.initialize_decoder]
        files = [describe_files(each) for each in (*self.corpora, held)]
        asked = [data, origins, self.seed, self.sample, files]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()

    @property
    def is_text(self) -> bool:
        """Whether texts are stored: noise or segmentation is drawn anew in each epoch."""
        return bool(self.data.subword_sampling) or self.data.noise != NoiseSettings()


class ReadText(NamedTuple):
    """What was read and cleaned; the field names are keys in the file of an unfinished folder.

    Attributes:
        request: see `Preparation`.
        read: how many pairs there were.
        dropped: how many each filter dropped, by its reason.
        shards: how many pairs each shard of text has.
        sha256: of all pairs that are left.
    """

    request: str
    read: int
    dropped: dict[str, int]
    shards: list[int]
    sha256: str


def read_all(asked: Preparation, folder: Path, request: str) -> ReadText:
    """Reads and cleans the text into shards of text; raises as `clean_pairs`."""
    data = asked.data
    names = as_column(data.source), as_column(data.target)
    given = None if names[0] is None or names[1] is None else (names[0], names[1])
    filters = make_filters(data.filters, source=names[0], target=names[1], device=asked.device)
    cleaner = Cleaner([*filters, *held_out(data)])
    digest = hashlib.sha256()
    shards: list[int] = []
    pairs = clean_pairs(asked.corpora, Columns(("source", "target"), given), cleaner)
    with ProgressBar("pairs read and kept") as bar:
        while shard := list(islice(pairs, SHARD)):
            bar.add(len(shard))
            for side in zip(*shard, strict=True):
                digest.update("\0".join([*side, ""]).encode("utf-8", "surrogatepass"))
            write_text_shard(folder / f"text-{len(shards):05}.arrow", shard)
            shards.append(len(shard))
    found = ReadText(request, cleaner.read, cleaner.dropped, shards, digest.hexdigest())
    if not shards:
        raise DataError(
            f"no pair is left of {found.read:,}: {found.dropped}; raise the limits, or check the "
            "files"
        )
    write_json(folder / UNFINISHED, found._asdict())
    return found


def held_out(data: DataSettings) -> Iterator[PairFilter]:
    """Yields the filter that drops what stands in validation text, if it is wanted."""
    if data.exclude_validation and data.validation:
        pairs = chain.from_iterable(corpus for corpus, _ in validation_sets(data))
        yield HeldOut(pairs, "source")


def clean_pairs(corpora: Sequence[TextFiles], columns: Columns, cleaner: Cleaner) -> Iterator[Pair]:
    """Yields the pairs of all corpora that filters leave; DataError if one has no pair at all."""
    for files in corpora:
        before = cleaner.read
        for pair, reason in cleaner.judged(stream_text(files, columns), Pair._make):
            if not reason:
                yield pair
        if cleaner.read == before:
            raise DataError(f"{files[0]} has no sentence pairs; is it the right file?")


def write_text_shard(path: Path, pairs: Sequence[Pair]) -> None:
    """Writes pairs as texts, in blocks."""
    blocks = [
        block_of(dict(zip(SIDES, zip(*pairs[first : first + BLOCK], strict=True), strict=True)))
        for first in range(0, len(pairs), BLOCK)
    ]
    write_atomically(path, lambda temporary: write_shard(temporary, blocks))
