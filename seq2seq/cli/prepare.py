"""``seq2seq prepare``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from seq2seq.cli.options import Device, Workers
from seq2seq.cli.rules import OPEN_NAMES
from seq2seq.cli.values import check_options
from seq2seq.config.base import validate
from seq2seq.config.changes import check_unused
from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.fields import PositiveInt
from seq2seq.config.wording import counted
from seq2seq.data.readers.sources import find_text
from seq2seq.training.preflight import device_problems, incompatible_runs, missing_runs
from seq2seq.training.preflight_text import text_problems

OF_A_TRAINING = (
    *("train", "train_target", "mix", "mix_temperature", "extend_vocabulary", "new_vocabulary"),
    *("max_length", "sampled_side", "prepare_above"),
)
"""Settings of text that decide nothing here."""


@dataclass(frozen=True)
class Prepare:
    """Read, clean and tokenize text once, for trainings that read it while they go on.

    For text that memory does not hold, and for several runs on one text. IN are tables (.tsv, .csv,
    .jsonl, .parquet), patterns for them, folders, text files in twos, source side first, and names
    of datasets on the Hub, which are streamed; files may be compressed. What was stopped goes on
    when the same command is given again.

    seq2seq prepare pairs.tsv --out prepared

    seq2seq prepare 'web/*.jsonl.zst' train.de train.en --out prepared --data.vocab-size 16000

    seq2seq train prepared --training.minutes 60 --run runs/large
    """

    inputs: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IN")]
    """The text; what stands in several files is joined."""
    out: Annotated[str, tyro.conf.arg(metavar="DIR")] = ""
    """Where the prepared text goes; the directory is made."""
    data: DataSettings = field(default_factory=DataSettings)
    """How text becomes tokens, which pairs are dropped, and which text validates."""
    sample: PositiveInt = 200_000
    """From so many pairs, drawn from all, tokenizers and vocabularies are learned."""
    workers: Workers = 0
    """How many processes tokenize. 0: one for each core."""
    seed: int = 1
    """Draws the sample, and the pairs that are set aside for validation."""
    device: Device = "auto"
    """Where models among the filters compute."""
    overwrite: bool = False
    """Prepare anew where other text was prepared."""

    def problems(self) -> Iterator[str]:
        """Yields a line for each impossible option."""
        if not self.inputs:
            yield "give the text to prepare: a table, or two text files"
        if not self.out:
            yield "give --out DIR, where the prepared text is to go"
        unused = dict.fromkeys(OF_A_TRAINING, False)
        yield from check_unused(self.data, "--data.", unused, "seq2seq prepare")
        yield from text_problems(self.data)
        yield from device_problems(self.device)
        if self.data.vocabulary:
            whole = Experiment(data=self.data)
            yield from (*missing_runs(whole), *incompatible_runs(whole))


def prepare_command(arguments: list[str]) -> None:
    """Tokenize text once, for trainings on more than memory holds."""
    check_options(Prepare, arguments)
    command = tyro.cli(Prepare, prog="seq2seq prepare", args=arguments, registry=OPEN_NAMES)
    validate(command)
    corpora = find_text(command.inputs)
    from seq2seq.translation.preparing import prepare_text
    from seq2seq.translation.text_shards import Preparation

    asked = Preparation(
        corpora,
        command.data,
        seed=command.seed,
        sample=command.sample,
        device=command.device,
        workers=command.workers,
    )
    found = prepare_text(asked, Path(command.out), overwrite=command.overwrite)
    size = found.size()
    print(found.report)
    print(
        f"{command.out}: {counted(size.pairs, 'training pair')} with {size.source_tokens:,} source "
        f"and {size.target_tokens:,} target tokens, {'as text' if found.is_text else 'as ids'}, in "
        f"shards: {len(found.sizes):,}, of {sum(found.sizes.values()) / 2**20:,.1f} MiB"
    )
