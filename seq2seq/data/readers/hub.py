"""Whatever a name may stand for: a file, a folder laid out as on the Hugging Face Hub, the Hub.

`datasets` is imported only when something is fetched from the Hub.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from seq2seq.data.readers.contents import PickedRow, TextColumns
from seq2seq.data.readers.file_kinds import strip_compression
from seq2seq.data.readers.headers import Columns
from seq2seq.data.readers.lines import TEXT_SUFFIX, ending, missing_file
from seq2seq.data.readers.records import Record, arrow_columns, arrow_texts, pick_values
from seq2seq.data.readers.tables import TABLE_SUFFIXES
from seq2seq.errors import DataError

_FILES = (TEXT_SUFFIX, *TABLE_SUFFIXES, ".tar", ".tgz", ".zip")
ReadFile: TypeAlias = Callable[[Path, Columns], TextColumns]


def read_named(
    name: str,
    columns: Columns,
    split: str,
    read: ReadFile,
    suffixes: Sequence[str] = TABLE_SUFFIXES,
) -> TextColumns:
    """Returns columns of the file, folder or dataset on the Hub that `name` stands for.

    `read` reads a file; `suffixes` are the endings of files that count in a folder.

    Raises:
        DataError: there is nothing of that name; or as `read`, `read_folder` and `read_hub`.
    """
    path = Path(name)
    if path.is_dir():
        return read_folder(path, columns, split, read, suffixes)
    if path.exists():
        return read(path, columns)
    if is_hub_name(name) and not path.parent.is_dir():
        return read_hub(name, columns, split)
    raise missing_file(path)


def missing_names(names: Sequence[str]) -> Iterator[str]:
    """Yields a line for each name that no file and no folder has, and no dataset on the Hub."""
    for name in names:
        path = Path(name)
        if not path.exists() and not (is_hub_name(name) and not path.parent.is_dir()):
            yield str(missing_file(path))


def read_folder(
    folder: Path, columns: Columns, split: str, read: ReadFile, suffixes: Sequence[str]
) -> TextColumns:
    """Returns columns of one split of a folder that is laid out like a dataset on the Hub.

    The files of `folder_files` are read with `read`, which raises as it does.
    """
    first, *rest = (read(folder / file, columns) for file in folder_files(folder, split, suffixes))
    for part in rest:
        for text, more in zip(first.texts, part.texts, strict=True):
            text.extend(more)
    return first


def folder_files(folder: Path, split: str, suffixes: Sequence[str]) -> list[Path]:
    """Returns the files of one split of such a folder, in the order of their names.

    What names the split, in one of its spellings (`SPLIT_NAMES`), is the beginning of the files'
    names (`train.tsv`, `data/train-00000-of-00002.parquet`), else a folder (`train/0.parquet`),
    else another part of the names (`pairs.train.tsv`). Files that differ in nothing but numbers
    belong together. They end in one of `suffixes`. A single file is the split "train".

    Raises:
        DataError: there are none, or they could be several things.
    """
    inside = (file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file())
    visible = (file for file in inside if not any(part.startswith(".") for part in file.parts))
    files = [file for file in visible if ending(file.name, suffixes)]
    of_split = _files_of_split(files, split)
    if not of_split and split == "train" and len(files) == 1:
        of_split = [] if any(_files_of_split(files, other) for other in SPLIT_NAMES) else files
    if not of_split:
        names = " or ".join(map(repr, _spellings(split)))
        raise DataError(
            f"there is no file for the split {split!r} in {folder}: a file or its folder must have "
            f"{names} in its name, and the file must end in one of {', '.join(suffixes)}; files of "
            f"these kinds are: {_listed(files)}"
        )
    groups = {(file.parent, _table(file, split, suffixes)) for file in of_split}
    copies = {file.with_name(strip_compression(file.name)) for file in of_split}
    if len(groups) > 1 or len(copies) < len(of_split):
        raise DataError(
            f"the split {split!r} in {folder} could be several things: {_listed(of_split)}; "
            f"give the path of one of them"
        )
    return of_split


SPLIT_NAMES = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev", "development"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""What the splits may be called: as `datasets` has it (SPLIT_KEYWORDS), and "development"."""


def _spellings(split: str) -> tuple[str, ...]:
    """Returns a split's name, and what else it may be called."""
    names = next((names for names in SPLIT_NAMES.values() if split in names), ())
    return (split, *(name for name in names if name != split))


def _files_of_split(files: list[Path], split: str) -> list[Path]:
    """Returns the files of a split: those that say so most clearly."""
    begins, begins_like, contains = (
        re.compile(before + rf"({'|'.join(map(re.escape, names))})(?![^\W\d_])").search
        for before, names in (
            ("^", [split]),
            ("^", _spellings(split)),
            (r"(?<![^\W\d_])", _spellings(split)),
        )
    )  # then no letter: "train" is not "trainer.tsv"
    ways: list[Callable[[Path], object]] = [
        lambda file: begins(file.name),
        lambda file: any(map(begins, file.parts[:-1])),
        lambda file: begins_like(file.name),
        lambda file: any(map(contains, file.parts[:-1])),
        lambda file: contains(file.name),
    ]
    found = ([file for file in files if says_so(file)] for says_so in ways)
    return next(filter(None, found), [])


def _table(file: Path, split: str, suffixes: Sequence[str]) -> str:
    """Returns what the parts of one table have in common.

    In a folder that is named after its split, that is the ending; elsewhere all of the names but
    numbers (and the 16 hexadecimal digits of old shards).
    """
    suffix = ending(file.name, suffixes)
    stem = strip_compression(file.name).removesuffix(suffix)
    if not any(name in stem for name in _spellings(split)):
        return suffix
    words = re.split(r"[-._ ]", stem)
    return " ".join(w for w in words if not re.fullmatch(r"\d+|of|[0-9a-f]{16}", w)) + suffix


def _listed(files: list[Path]) -> str:
    shown = ", ".join(file.as_posix() for file in files[:20]) or "none"
    return shown + (" …" if len(files) > 20 else "")


def is_hub_name(name: str) -> bool:
    """Whether `name` can be a dataset on the Hub: "user/name", or "user/name:configuration"."""
    is_name = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(:[\w.+-]+)?", name) is not None
    # A mistyped path should not be looked for in the network.
    is_file = strip_compression(name) != name.lower() or ending(name, _FILES)
    return is_name and not is_file


def read_hub(name: str, columns: Columns, split: str) -> TextColumns:
    """Returns columns of one split of a dataset on the Hub, which is downloaded if need be.

    Raises:
        DataError: it can't be had (no such name, no network, no such split); or as `read_columns`.
        SettingsError: as `read_columns`.
    """
    dataset = load_hub(name, split)
    return arrow_texts(dataset.with_format("arrow")[:], columns, name)


def stream_hub(name: str, columns: Columns, split: str) -> Iterator[PickedRow]:
    """Yields columns of one split of a dataset on the Hub, row by row as they arrive.

    Raises:
        DataError, SettingsError: as `read_hub`, but at the row at fault.
    """
    dataset = load_hub(name, split, streaming=True)
    names = dataset.column_names or ()
    if dataset.features is not None:
        schema = dataset.features.arrow_schema
        wanted, names = arrow_columns(schema, columns, name)
        dataset = dataset.select_columns([schema.names[number] for number in wanted])

    def records() -> Iterator[Record]:
        rows = iter(dataset)
        for number in count(1):
            with hub_errors(name):
                row = next(rows, None)
            if row is None:
                return
            yield f"{name}, row {number}", row

    yield from pick_values(records(), columns, name, names)


def load_hub(name: str, split: str, *, streaming: bool = False) -> Any:
    """Returns a dataset on the Hub, which is downloaded, or streamed; DataError if it can't be."""
    import datasets

    repository, _, configuration = name.partition(":")
    with hub_errors(name):
        return datasets.load_dataset(
            repository, configuration or None, split=split, streaming=streaming
        )


@contextmanager
def hub_errors(name: str) -> Iterator[None]:
    """Raises DataError for what `datasets`, its readers and its network client raise."""
    try:
        yield
    except Exception as error:
        root: BaseException = error
        while root.__cause__ is not None:  # the last one says something
            root = root.__cause__
        raise DataError(
            f"there is no file or folder {name}, and as a dataset on the Hub it can't be read: "
            f"{type(root).__name__}: {root}"
        ) from error
