"""The files of prepared text, by name: what `seq2seq prepare` writes into a folder.

prepared.json         what is in it; written last: without it, the folder is half prepared
pairs-00000.arrow     the pairs, in shards; `datasets.Dataset.from_file` reads them, too
source.tokenizer, source.vocab.json, target.tokenizer, target.vocab.json
validation.jsonl      pairs that were set aside, where no validation text was named
"""

from __future__ import annotations

from pathlib import Path

DESCRIPTION = "prepared.json"
UNFINISHED = "preparing.json"
"""What a folder has until its description takes its place."""
VALIDATION = "validation.jsonl"
LOCK_NAME = "preparing.lock"
"""The file that a process holds which writes there."""
SIDES = ("source", "target")


def is_prepared(folder: str | Path) -> bool:
    """Whether a folder has prepared text."""
    return (Path(folder) / DESCRIPTION).is_file()


def is_begun(folder: str | Path) -> bool:
    """Whether a folder has prepared text, or a part of it."""
    unfinished = (Path(folder) / UNFINISHED).is_file() or any(Path(folder).glob("text-*.arrow"))
    return unfinished or is_prepared(folder)


def is_ours(path: Path) -> bool:
    """Whether a file in a folder is one that preparing text writes, or leaves half written."""
    name = path.name.removesuffix(".tmp")
    kept = {DESCRIPTION, UNFINISHED, VALIDATION, LOCK_NAME}
    kept |= {f"{side}{end}" for side in SIDES for end in (".tokenizer", ".vocab.json")}
    begins = name.startswith(("text-", "pairs-")) and name.endswith((".arrow", ".json"))
    return name in kept or begins


def foreign_files(folder: Path) -> list[str]:
    """Returns the names of what stands in a folder and belongs to no prepared text."""
    return [path.name for path in folder.iterdir() if not is_ours(path)]
