"""Whatever a name may stand for: a file, a folder laid out as on the Hugging Face Hub, the Hub.

`datasets` is imported only when something is fetched from the Hub.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from seq2seq.data.readers.headers import Columns
from seq2seq.data.readers.lines import TEXT_SUFFIX, ending, missing_file
from seq2seq.data.readers.tables import TABLE_SUFFIXES, TextColumns, arrow_texts
from seq2seq.errors import DataError

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


def read_folder(
    folder: Path, columns: Columns, split: str, read: ReadFile, suffixes: Sequence[str]
) -> TextColumns:
    """Returns columns of one split of a folder that is laid out like a dataset on the Hub.

    The files of a split are named after it (`train.tsv`, `data/train-00000-of-00002.parquet`), and
    end in one of `suffixes`; they are read with `read` in the order of their names.

    Raises:
        DataError: there are none, they have several suffixes or are in several folders; or as
            `read`.
    """
    inside = (file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file())
    visible = (file for file in inside if not any(part.startswith(".") for part in file.parts))
    files = [file for file in visible if ending(file.name, suffixes)]
    # The split's name and then no letter or digit: "train" is not "training.tsv".
    of_split = [f for f in files if re.match(rf"{re.escape(split)}(?![^\W_])", f.name)]
    if not of_split:
        raise DataError(
            f"there is no file for the split {split!r} in {folder}: its name must begin with "
            f"{split!r} and end in one of {', '.join(suffixes)}; files of these kinds are: "
            f"{_listed(files)}"
        )
    if len({(file.parent, ending(file.name, suffixes)) for file in of_split}) > 1:
        raise DataError(
            f"the split {split!r} in {folder} could be several things: {_listed(of_split)}; "
            f"give the path of one of them"
        )
    texts: TextColumns = [[] for _ in columns.roles]
    for file in of_split:
        for text, more in zip(texts, read(folder / file, columns), strict=True):
            text.extend(more)
    return texts


def _listed(files: list[Path]) -> str:
    shown = ", ".join(file.as_posix() for file in files[:20]) or "none"
    return shown + (" …" if len(files) > 20 else "")


def is_hub_name(name: str) -> bool:
    """Whether `name` can be a dataset on the Hub: "user/name", or "user/name:configuration"."""
    is_name = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(:[\w.+-]+)?", name) is not None
    # A mistyped path should not be looked for in the network.
    is_file = name.endswith(".gz") or ending(name, (TEXT_SUFFIX, *TABLE_SUFFIXES))
    return is_name and not is_file


def read_hub(name: str, columns: Columns, split: str) -> TextColumns:
    """Returns columns of one split of a dataset on the Hub, which is downloaded if need be.

    Raises:
        DataError: it can't be had (no such name, no network, no such split); or as `read_columns`.
        SettingsError: as `read_columns`.
    """
    import datasets

    repository, _, configuration = name.partition(":")
    try:
        dataset = datasets.load_dataset(repository, configuration or None, split=split)
    except Exception as error:  # what datasets, its readers and its network client raise
        root: BaseException = error
        while root.__cause__ is not None:  # the last one says something
            root = root.__cause__
        raise DataError(
            f"there is no file or folder {name}, and as a dataset on the Hub it can't be read: "
            f"{type(root).__name__}: {root}"
        ) from error
    return arrow_texts(dataset.with_format("arrow")[:], columns, name)
