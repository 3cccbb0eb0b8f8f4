"""Prepared text as the training text of a run: found, or made, and its tokens the run's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import chain, zip_longest

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.prepared import PreparedText
from seq2seq.data.prepared_folder import is_begun
from seq2seq.data.readers.sources import TextFiles, find_text, is_on_hub, text_bytes
from seq2seq.errors import SettingsError
from seq2seq.runs.directory import SIDES, RunDirectory
from seq2seq.training.preflight_text import prepared_folder, prepared_settings
from seq2seq.training.reporting import log_line
from seq2seq.translation.initialization import load_side
from seq2seq.translation.preparing import delete, prepare_text
from seq2seq.translation.text_shards import Preparation

MIB = 2**20


def find_prepared(experiment: Experiment, run: RunDirectory) -> PreparedText | None:
    """Returns the prepared text that a run learns from; None if its text is held in memory.

    It is what the settings name; or what was prepared in the run's own folder, which is done here
    where there is more text than they allow in memory.

    Raises:
        DataError: prepared text is incomplete or damaged; or as `prepare_text`.
        SettingsError: a dry run would have to prepare it; or its tokens are not those of a run
            that gives weights.
    """
    data = experiment.data
    if folder := prepared_folder(data):
        found = PreparedText(folder)
        if not experiment.resume:
            check_tokens(found, experiment)
        return found
    if experiment.resume:
        return PreparedText(run.text) if is_begun(run.text) else None
    files = [*data.train, *data.train_target]
    size = text_bytes([name for name in files if not is_on_hub(name)]) / MIB
    if data.mix or size <= data.prepare_above:
        if is_begun(run.text) and not experiment.dry_run:  # of a run that was here before
            delete(run.text)
        return None
    if experiment.dry_run:
        raise SettingsError(
            f"the training text has about {size:,.0f} MiB, more than --data.prepare-above "
            f"{data.prepare_above}, so that it would be prepared in the run's folder, and a dry "
            "run writes nothing: prepare it with seq2seq prepare, or raise the limit"
        )
    log_line(
        f"the training text has about {size:,.0f} MiB (--data.prepare-above {data.prepare_above}): "
        f"it is tokenized into {run.text}, and read from there"
    )
    asked = Preparation(
        corpora_of(data), data, experiment.model, experiment.seed, device=experiment.device
    )
    is_new = not run.path.exists()
    try:
        return prepare_text(asked, run.text, overwrite=True)
    finally:
        if is_new:
            with suppress(OSError):  # nothing was begun: only an empty directory goes
                run.path.rmdir()


def is_large(data: DataSettings) -> bool:
    """Whether training text is read while a model trains: it is prepared, or will be."""
    files = [name for name in (*data.train, *data.train_target) if not is_on_hub(name)]
    return bool(prepared_folder(data)) or text_bytes(files) / MIB > data.prepare_above


def corpora_of(data: DataSettings) -> list[TextFiles]:
    """Returns the training files that the settings name, by corpus."""
    pairs = zip_longest(data.train, data.train_target, fillvalue="")
    return [*chain.from_iterable(find_text([name for name in pair if name]) for pair in pairs)]


def with_prepared_tokens(experiment: Experiment, prepared: PreparedText) -> Experiment:
    """Returns an experiment with the tokens of prepared text, which was told where they differ."""
    return replace(experiment, data=replace(experiment.data, **prepared_settings(prepared)))


def check_tokens(prepared: PreparedText, experiment: Experiment) -> None:
    """Raises SettingsError unless the tokens are those of the runs that give weights."""
    model = experiment.model
    sources = {
        "--model.initialize": (model.initialize, SIDES),
        "--model.initialize-encoder": (model.initialize_encoder, SIDES[:1]),
        "--model.initialize-decoder": (model.initialize_decoder, SIDES[1:]),
    }
    own = dict(zip(SIDES, prepared.pipelines(), strict=True))
    for flag, (path, sides) in sources.items():
        for side in sides if path else ():
            other = load_side(flag, path, side, experiment.data)
            if other is None or other.vocab != own[side].vocab:
                raise SettingsError(
                    f"{flag} {path}: {prepared.folder} was prepared with other {side} tokens: "
                    f"prepare it with --data.vocabulary {path}"
                )
