"""Translate whole texts on many machines, with Ray Data.

    python recipes/translate_with_ray.py runs/mine part-*.txt.gz --out translated --workers 8

Each text becomes a file of the same name in the folder of --out, line for line. On one machine Ray
is begun here; on several, begin it first (`ray start --head`, and on the others `ray start
--address=…`), with the run where all of them can read it. A worker that dies is begun again by Ray,
with the lines that it had. What is there already is left as it is, so that the same command goes on
after the whole job was stopped; a text is read into memory as a whole, so cut a large one into
parts: `split -l 1000000 big.txt part-`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

import seq2seq

BATCH = 1024
"""So many lines are translated together: enough to have batches of like length among them."""


@dataclass(frozen=True)
class TranslateWithRay:
    """Translate whole texts on many machines, with Ray Data."""

    run: tyro.conf.Positional[str]
    """The run directory, or that of an export, where every machine can read it; or a model on the
    Hub, as hf://user/name."""
    texts: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="TEXT")]
    """The texts to translate, compressed or not."""
    out: str = ""
    """The folder to write to; it is made."""
    workers: seq2seq.PositiveInt = 2
    """How many processes translate, each on a processor of its own."""
    beam_size: seq2seq.PositiveInt = 5
    """Hypotheses kept at each step; 1 is greedy search."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.out:
            yield "give --out DIR, where to write the translations"
        names = [plain_name(text) for text in self.texts]
        if len({*names}) < len(names):
            yield "two texts have the same name: translate them one after the other"


class Translate:
    """What a worker of Ray does: it loads the model once, and then translates batch after batch."""

    def __init__(self, run: str, beam_size: int) -> None:
        self.translator = seq2seq.Translator.load(run, "cpu")
        self.beam_size = beam_size

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Returns the translations of a batch of lines."""
        lines = batch["line"].tolist()
        return {"translation": self.translator.translate(lines, beam_size=self.beam_size)}


def plain_name(text: str) -> str:
    """Returns what a text is called where it is written, uncompressed."""
    name = Path(text).name
    return Path(name).stem if name.endswith((".gz", ".bz2", ".xz", ".zst")) else name


def translate_file(text: str, out: Path, command: TranslateWithRay) -> None:
    """Translates a text into a file, which is whole or not there."""
    import pyarrow
    import ray

    lines = seq2seq.read_lines(text)  # Ray's own reader would cut a line at U+2028, too
    tables = [
        pyarrow.table({"line": lines[first : first + BATCH]})
        for first in range(0, len(lines), BATCH)
    ]
    run = os.path.abspath(command.run) if os.path.exists(command.run) else command.run
    temporary = out.with_name(f"{out.name}.tmp")
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        if tables:
            found = ray.data.from_arrow(tables).map_batches(
                Translate,
                fn_constructor_args=(run, command.beam_size),
                batch_size=BATCH,
                num_cpus=1,
                compute=ray.data.ActorPoolStrategy(size=min(command.workers, len(tables))),
            )
            for batch in found.iter_batches(batch_size=BATCH):
                file.writelines(f"{line}\n" for line in batch["translation"])
        file.flush()
        os.fsync(file.fileno())
    if len(seq2seq.read_lines(temporary)) != len(lines):
        raise seq2seq.DataError(f"{temporary} has not as many lines as {text}: run it again")
    os.replace(temporary, out)


def main() -> None:
    """Translates all texts that are not translated yet."""
    command = seq2seq.parse_command(TranslateWithRay, sys.argv[1:], "translate_with_ray.py")
    import ray

    folder = Path(command.out)
    folder.mkdir(parents=True, exist_ok=True)
    ray.init(runtime_env={"env_vars": {"OMP_NUM_THREADS": "1"}}, log_to_driver=False)
    ray.data.DataContext.get_current().execution_options.preserve_order = True
    for text in command.texts:
        out = folder / plain_name(text)
        if out.exists():
            seq2seq.log_line(f"{out} is there already")
            continue
        translate_file(text, out, command)
        seq2seq.log_line(f"{out} is written")


if __name__ == "__main__":
    seq2seq.run_command(main)
