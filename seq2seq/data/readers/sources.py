"""Text of any size, wherever it is: files, files by a pattern, folders, datasets on the Hub.

Pairs come one by one, see `streams.py`.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from seq2seq.data.pairs import Pair
from seq2seq.data.readers.file_kinds import COMPRESSIONS
from seq2seq.data.readers.headers import Columns
from seq2seq.data.readers.hub import is_hub_name, stream_hub
from seq2seq.data.readers.lines import ending, read_head
from seq2seq.data.readers.streams import expand_folders, group_files, stream_pairs
from seq2seq.data.readers.tables import TABLE_SUFFIXES
from seq2seq.errors import DataError, SettingsError

TextFiles = tuple[str, ...]
"""The names of a corpus: of a table, of two text files, or of a dataset on the Hub."""
COMPRESSED = 4
"""About so many times its size a compressed file has when it is unpacked."""


def is_on_hub(name: str) -> bool:
    """Whether a name is that of a dataset on the Hub, and of no file or folder."""
    return is_hub_name(name) and not Path(name).exists() and not Path(name).parent.is_dir()


def find_text(names: Sequence[str]) -> list[TextFiles]:
    """Returns the corpora that names stand for, each found to be there.

    Names are of tables, of text files in twos, of folders and of datasets on the Hub; or a pattern
    for tables, as "data/*.jsonl.zst", whose files come in the order of their names.

    Raises:
        DataError: a file is missing, or a pattern has none.
        SettingsError: a text file stands alone, or is meant by a pattern.
    """
    every = [*chain.from_iterable(map(match_names, names))]
    found: list[TextFiles] = []
    for group in group_files(every):
        if is_on_hub(group[0]):
            found.append(group)
        else:
            found += [tuple(map(str, paths)) for paths in expand_folders([group])]
    for name in chain.from_iterable(found):
        if not is_on_hub(name):
            read_head(Path(name))
    return found


def match_names(name: str) -> list[str]:
    """Returns the files that a pattern stands for; any other name as it is."""
    if Path(name).exists() or not glob.has_magic(name):
        return [name]
    found = sorted(glob.glob(name, recursive=True))
    if not found:
        raise DataError(f"no file is meant by {name}: check the pattern")
    for each in found:
        if not ending(each, TABLE_SUFFIXES):
            raise SettingsError(
                f"{each}, which {name} means, is no table ({', '.join(TABLE_SUFFIXES)}): give text "
                "files in twos, each after the other side of its pairs"
            )
    return found


def stream_text(files: TextFiles, columns: Columns) -> Iterator[Pair]:
    """Yields the pairs of a corpus; raises as `ParallelCorpus.read`."""
    if is_on_hub(files[0]):
        for row in stream_hub(files[0], columns, "train"):
            yield Pair(*row.texts or ())
        return
    for record in stream_pairs([*map(Path, files)], columns):
        if record.pair is not None:
            yield record.pair


def describe_files(names: Sequence[str]) -> list[tuple[str, int, int]]:
    """Returns path, size and time of each file: where all are the same, so is the text."""
    found = []
    for name in names:
        path = Path(name)
        if path.exists():
            status = path.stat()
            found.append((str(path.resolve()), status.st_size, status.st_mtime_ns))
        else:
            found.append((name, 0, 0))
    return found


def text_bytes(names: Sequence[str]) -> int:
    """Returns about how many bytes of text files and folders have; 0 for what is on the Hub."""
    total = 0
    for path in map(Path, names):
        files = [path] if path.is_file() else path.rglob("*")
        for file in files:
            if file.is_file():
                is_packed = file.suffix == ".parquet" or file.suffix in COMPRESSIONS
                total += file.stat().st_size * (COMPRESSED if is_packed else 1)
    return total
