"""Prepared text: pairs that were tokenized once, in files that are read while a model trains.

A pair has the ids of both sides, without bos and eos; or, where segmentation is random, its texts
and how many tokens their usual segmentation has. A shard is a stream of Arrow with blocks of at
most `BLOCK` pairs. Files are mapped into memory: the system holds of them what it has room for.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seq2seq.config.about import AboutSettings
from seq2seq.config.base import from_dict
from seq2seq.data.filters.cleaner import CorpusReport
from seq2seq.data.parallel import ParallelCorpus
from seq2seq.data.prepared_folder import DESCRIPTION, SIDES, VALIDATION, is_begun, is_prepared
from seq2seq.data.tokenizers.base import load_tokenizer
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import Vocab, load_json
from seq2seq.errors import DataError

FORMAT = "seq2seq prepared text 1"
BLOCK = 8192
"""So many pairs are read together."""


class Rows(NamedTuple):
    """A side of some pairs, one behind the other.

    Attributes:
        values: ids, or the bytes of texts in UTF-8.
        ends: where the rows begin and end in it, ``(rows + 1,)``.
    """

    values: NDArray[Any]
    ends: NDArray[Any]

    def row(self, number: int) -> NDArray[Any]:
        """The ids, or the bytes, of one pair."""
        return self.values[self.ends[number] : self.ends[number + 1]]


class Block(NamedTuple):
    """Some pairs of prepared text.

    Attributes:
        source: the source side.
        target: the target side.
        lengths: tokens of both sides, without bos and eos, ``(2, pairs)``.
    """

    source: Rows
    target: Rows
    lengths: NDArray[np.int32]


class Size(NamedTuple):
    """How many pairs, and how many tokens of both sides, without bos and eos."""

    pairs: int
    source_tokens: int
    target_tokens: int


class Place(NamedTuple):
    """Where a block is.

    Attributes:
        path: the shard.
        number: of the block in it.
        checksum: CRC-32 of what it holds.
    """

    path: Path
    number: int
    checksum: int


class PreparedText:
    """A folder of prepared text, opened: its shards are there, and as large as they were.

    Attributes:
        folder: where it is.
        key: a checksum of all pairs and of the tokenizers.
        is_text: whether it has texts; else ids.
        settings: the settings of tokens, by the names of `DataSettings`.
        report: what was read, and what filters dropped.
        about: what is known of the text.
        blocks: where each block is.

    Raises:
        DataError: there is no prepared text, or only half; a file is missing or damaged.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if is_begun(self.folder) and not is_prepared(self.folder):
            raise DataError(
                f"{self.folder} is only half prepared: run the same command again, which goes on "
                "where it was stopped"
            )
        load_json(self.folder / DESCRIPTION, "description of prepared text", self._describe)
        for path, size in self.sizes.items():
            if not path.is_file():
                raise DataError(f"{path} is missing: copy it again, or prepare the text anew")
            if path.stat().st_size != size:
                raise damaged(path, f"it has {path.stat().st_size:,} bytes, and not {size:,}")

    def _describe(self, content: dict[str, Any]) -> None:
        if content.get("format") != FORMAT:
            raise DataError(f'it lacks "format": "{FORMAT}"')
        try:
            self.key, self.is_text = str(content["key"]), bool(content["is_text"])
            self.settings: dict[str, Any] = content["settings"]
            self.report = CorpusReport(self.folder.name, content["read"], content["dropped"])
            self.about = from_dict(AboutSettings, content["about"])
            self.sizes = {self.folder / each["name"]: each["bytes"] for each in content["shards"]}
            self.blocks = [
                Place(self.folder / each["name"], number, checksum)
                for each in content["shards"]
                for number, checksum in enumerate(each["blocks"])
            ]
            self.by_length = {int(n): Size(*size) for n, size in content["lengths"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"it lacks what belongs there ({error})") from error

    def size(self, longest: int | None = None) -> Size:
        """Counts the pairs of which no side has more tokens than `longest`."""
        found = [
            size for length, size in self.by_length.items() if longest is None or length <= longest
        ]
        return Size(*map(sum, zip(*found, strict=True))) if found else Size(0, 0, 0)

    def pipelines(self, subword_sampling: float = 0.0) -> tuple[TextPipeline, TextPipeline]:
        """Returns tokenizer and vocabulary of both sides; raises DataError as their readers do."""
        source, target = (load_pipeline(self.folder, side, subword_sampling) for side in SIDES)
        return source, target

    def validation(self) -> ParallelCorpus:
        """Returns the pairs that were set aside; raises DataError if there are none."""
        path = self.folder / VALIDATION
        if not path.is_file():
            raise DataError(
                f"{self.folder} was prepared beside validation text of its own: give it with "
                "--data.validation FILE"
            )
        return ParallelCorpus.read(path, source="source", target="target")

    def read(self, number: int, *, verify: bool = True) -> Block:
        """Returns a block; what is not looked at stays on the disk, unless it is verified.

        Raises:
            DataError: its shard is missing or damaged.
        """
        place = self.blocks[number]
        batches = read_shard(place.path)
        if place.number >= len(batches):
            raise damaged(place.path, f"block {place.number} is missing")
        batch = batches[place.number]
        if verify and checksum(batch) != place.checksum:
            raise damaged(place.path, f"block {place.number} does not have its checksum")
        source, target = (rows_of(batch.column(name)) for name in SIDES)
        if self.is_text:
            lengths = [batch.column(f"{name}_length").to_numpy() for name in SIDES]
        else:
            lengths = [np.diff(source.ends), np.diff(target.ends)]
        return Block(source, target, np.stack(lengths).astype(np.int32))

    def some_sources(self) -> list[str]:
        """Returns the sources of the first block of texts; none of ids."""
        if not (self.is_text and self.blocks):
            return []
        block = self.read(0)
        return texts_of(block.source, range(block.lengths.shape[1]))

    def some(self, most: int, longest: int) -> tuple[list[list[int]], list[list[int]]]:
        """Returns the ids of evenly many pairs of each block, at most about `most` in all.

        `longest` is how many tokens a side may have.
        """
        pipelines = self.pipelines()
        step = max(1, -(-self.size().pairs // most))
        sides: tuple[list[list[int]], list[list[int]]] = ([], [])
        for number in range(len(self.blocks)):
            block = self.read(number)
            chosen = [*np.flatnonzero(block.lengths.max(axis=0) <= longest)[::step]]
            for side, rows, pipeline in zip(sides, block[:2], pipelines, strict=True):
                side.extend(
                    pipeline.encode(texts_of(rows, chosen))
                    if self.is_text
                    else ids_of(rows, chosen)
                )
        return sides


def load_pipeline(folder: Path, side: str, subword_sampling: float = 0.0) -> TextPipeline:
    """Returns tokenizer and vocabulary of a side, see `Run.pipeline`."""
    tokenizer = load_tokenizer(folder / f"{side}.tokenizer")
    if subword_sampling and hasattr(tokenizer, "alpha"):
        tokenizer.alpha = subword_sampling
    return TextPipeline(tokenizer, Vocab.load(folder / f"{side}.vocab.json"))


def ids_of(rows: Rows, numbers: Sequence[int]) -> list[list[int]]:
    """Returns the ids of some rows."""
    return [rows.row(number).tolist() for number in numbers]


def texts_of(rows: Rows, numbers: Sequence[int]) -> list[str]:
    """Returns the texts of some rows."""
    return [rows.row(number).tobytes().decode("utf-8") for number in numbers]


# --------------------------------------------------------------------------------------------------
# Shards


def damaged(path: Path, why: str) -> DataError:
    """Returns the error for a shard that is not as it was written."""
    return DataError(f"{path} is damaged: {why}. Copy it again, or prepare the text anew")


def read_shard(path: Path) -> list[Any]:
    """Returns the blocks of a shard, as `pyarrow.RecordBatch`, mapped into memory.

    Raises:
        DataError: it is missing or damaged.
    """
    import pyarrow

    try:
        with pyarrow.ipc.open_stream(pyarrow.memory_map(str(path))) as stream:
            return list(stream)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing: copy it again, or prepare the text anew") from error
    except (pyarrow.ArrowException, OSError) as error:
        raise damaged(path, str(error)) from error


def write_shard(path: Path, batches: Sequence[Any]) -> None:
    """Writes blocks, as `pyarrow.RecordBatch`, into a shard."""
    import pyarrow

    with (
        pyarrow.OSFile(str(path), "wb") as file,
        pyarrow.ipc.new_stream(file, batches[0].schema) as stream,
    ):
        for batch in batches:
            stream.write_batch(batch)


def block_of(columns: Mapping[str, Sequence[Any]], kind: Any = None) -> Any:
    """Returns columns as a `pyarrow.RecordBatch`; lists are of a `kind` of number."""
    import pyarrow

    arrays = {
        name: pyarrow.array(values, pyarrow.list_(kind) if kind else None)
        for name, values in columns.items()
    }
    return pyarrow.RecordBatch.from_pydict(arrays)


def rows_of(column: Any) -> Rows:
    """Returns an Arrow column of lists, or of texts, as arrays."""
    import pyarrow

    if pyarrow.types.is_list(column.type):
        return Rows(column.values.to_numpy(), column.offsets.to_numpy())
    _, ends, text = column.buffers()
    offsets = np.frombuffer(ends, np.int32)[: len(column) + 1]
    return Rows(np.frombuffer(text, np.uint8)[: offsets[-1]], offsets)


def checksum(batch: Any) -> int:
    """Returns CRC-32 of what a `pyarrow.RecordBatch` holds."""
    value = 0
    for part in _contents(batch):
        value = zlib.crc32(np.ascontiguousarray(part).data, value)
    return value


def _contents(batch: Any) -> Iterator[NDArray[Any]]:
    for column in batch.columns:
        if column.type in _numbers():
            yield column.to_numpy()
        else:
            yield from rows_of(column)


def _numbers() -> tuple[Any, ...]:
    import pyarrow

    return pyarrow.int32(), pyarrow.int64()
