"""Datasets of more than one file: folders laid out as on the Hugging Face Hub, and the Hub itself.

`datasets` is imported only when something is fetched from the Hub.
"""

from __future__ import annotations

import re
from pathlib import Path

from seq2seq.errors import DataError
from seq2seq.text.tables import (
    KINDS,
    Columns,
    Texts,
    dataset_texts,
    file_kind,
    read_columns,
    root_message,
)

_TABLE = re.compile(rf"({'|'.join(map(re.escape, KINDS))})(\.gz)?$", re.IGNORECASE)


def read_folder(folder: Path, columns: Columns, split: str) -> Texts:
    """Return two columns of one split of a folder that is laid out like a dataset on the Hub.

    The files of a split are named after it (`train.tsv`, `data/train-00000-of-00002.parquet`); they
    are read in the order of their names. `columns` are as in `read_columns`.

    Raises DataError if there are none, if they are of several kinds or in several folders, and as
    `read_columns` does.
    """
    inside = (file.relative_to(folder) for file in sorted(folder.rglob("*")) if file.is_file())
    visible = (file for file in inside if not any(part.startswith(".") for part in file.parts))
    files = [file for file in visible if _TABLE.search(file.name)]
    # The split's name and then no letter or digit: "train" is not "training.tsv".
    of_split = [f for f in files if re.match(rf"{re.escape(split)}(?![^\W_])", f.name)]
    if not of_split:
        raise DataError(
            f"there is no file for the split {split!r} in {folder}: its name must begin with "
            f"{split!r} and end in one of {', '.join(KINDS)}; the tables there are: "
            f"{_listed(files)}"
        )
    if len({(file.parent, file_kind(file)) for file in of_split}) > 1:
        raise DataError(
            f"the split {split!r} in {folder} could be several things: {_listed(of_split)}; "
            f"give the path of one of them"
        )
    texts: Texts = ([], [])
    for file in of_split:
        for side, more in zip(texts, read_columns(folder / file, columns), strict=True):
            side.extend(more)
    return texts


def _listed(files: list[Path]) -> str:
    shown = ", ".join(file.as_posix() for file in files[:20]) or "none"
    return shown + (" …" if len(files) > 20 else "")


def is_hub_name(name: str) -> bool:
    """Whether `name` can be a dataset on the Hub: "user/name", or "user/name:configuration"."""
    is_name = re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(:[\w.+-]+)?", name) is not None
    # A mistyped path should not be looked for in the network.
    return is_name and not _TABLE.search(name) and not name.endswith((".txt", ".gz"))


def read_hub(name: str, columns: Columns, split: str) -> Texts:
    """Return two columns of one split of a dataset on the Hub, which is downloaded if need be.

    Raises DataError if it can't be had (no such name, no network, no such split), and as
    `read_columns` does.
    """
    import datasets

    repository, _, configuration = name.partition(":")
    try:
        dataset = datasets.load_dataset(repository, configuration or None, split=split)
    except Exception as error:  # what datasets, its readers and its network client raise
        raise DataError(
            f"there is no file or folder {name}, and as a dataset on the Hub it can't be read: "
            f"{root_message(error)}"
        ) from error
    return dataset_texts(dataset, columns, name)
