"""A stream of lines -> groups of lines that are translated together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from seq2seq.config.arguments import as_list, check_several, iter_checked
from seq2seq.config.wording import counted
from seq2seq.errors import DataError


def group_lines(
    lines: Iterable[str] | Iterable[list[str]], size: int, prefixes: Iterable[str] | None = None
) -> Iterator[tuple[list[str], list[str] | None]]:
    """Yields groups of at most `size` lines, in order, each with the prefixes that belong to it.

    Args:
        lines: a stream, of which as many lines are waited for as make a group; or one of lists, as
            of the lines that have arrived in a pipe, beyond which is not waited.
        size: the most lines of a group.
        prefixes: one for each line, or None.

    Raises:
        DataError: there is something else than text, or not one prefix for each line.
    """
    check_several(lines, "lines", "lines, each a string")
    rest = None if prefixes is None else iter_checked(prefixes, "prefixes")
    number = 0
    group: list[str] = []

    def complete() -> tuple[list[str], list[str] | None]:
        if rest is None:
            return group, None
        begun = [prefix for _, prefix in zip(group, rest, strict=False)]
        if len(begun) < len(group):
            raise DataError(f"there is no prefix for line {number - len(group) + len(begun) + 1:,}")
        return group, begun

    for item in lines:
        texts = item if isinstance(item, list) else [item]
        for line in iter_checked(texts, "lines", first=number + 1):
            number += 1
            group.append(line)
            if len(group) == size:
                yield complete()
                group = []
        if group and isinstance(item, list):
            yield complete()
            group = []
    if group:
        yield complete()
    if rest is not None and (left := sum(1 for _ in rest)):
        raise DataError(f"{counted(number, 'line')}, but {number + left:,} prefixes")


def lines_ahead(batch_size: int) -> int:
    """How many lines of a stream are read before the first of them is answered.

    Some batches, so that lines of like length can be searched together; but with a batch size of 1
    every line is answered at once.
    """
    return 1 if batch_size == 1 else 4 * batch_size


def align_prefixes(prefixes: str | Sequence[str], texts: Sequence[str]) -> list[str]:
    """The prefixes as a list; DataError unless there is one for each text."""
    begun = as_list(prefixes, "prefix")
    if len(begun) != len(texts):
        raise DataError(f"{counted(len(texts), 'sentence')}, but {len(begun):,} prefixes")
    return begun
