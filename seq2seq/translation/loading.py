"""The directory of a run or of an export -> what a translator consists of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from seq2seq.config.about import AboutSettings
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.errors import SettingsError
from seq2seq.export.directory import Export, open_export
from seq2seq.export.model import ExportedModel
from seq2seq.translation.engine import Engine
from seq2seq.translation.exported_engine import ExportedEngine

if TYPE_CHECKING:  # what needs torch is imported where it is used: an export does without
    from seq2seq.decoding.shortlist import Shortlist
    from seq2seq.models.translation import TranslationModel
    from seq2seq.runs.run import Run
    from seq2seq.translation.ensemble import EnsembleMember


class Parts(NamedTuple):
    """The arguments of `Translator`."""

    model: TranslationModel | ExportedModel
    source: TextPipeline
    target: TextPipeline
    settings: DecodingSettings
    others: Sequence[EnsembleMember] = ()
    shortlist: Shortlist | None = None
    about: AboutSettings = AboutSettings()


def load_parts(
    run: str | Path | Run | Export, ensemble: str | Path | Run | Sequence[str | Path | Run]
) -> Parts:
    """Loads what a directory holds; see `Translator.load`."""
    single = isinstance(ensemble, str) or not isinstance(ensemble, Sequence)
    more = cast("Sequence[str | Path | Run]", [ensemble] if single else ensemble)
    export = open_export(run)
    if more and any(open_export(each) for each in (run, *more)):
        raise SettingsError(
            "an exported model can't be in an ensemble: give the runs that were exported"
        )
    if export is not None:
        known = export.experiment()
        return Parts(export.load_model(), *export.pipelines(), known.decoding, about=known.about)
    return load_runs(cast("str | Path | Run", run), more)


def load_runs(run: str | Path | Run, more: Sequence[str | Path | Run]) -> Parts:
    """Loads the models of runs, with torch."""
    from seq2seq.runs.run import open_run
    from seq2seq.translation.ensemble import EnsembleMember, load_ensemble

    runs = [open_run(run), *(open_run(other, "ensemble") for other in more)]
    first, *rest = load_ensemble(runs)
    others = [EnsembleMember(each.model, each.source) for each in rest]
    return Parts(*first[:4], others, first.shortlist, runs[0].experiment(Experiment).about)


def make_engine(parts: Parts, device: str) -> Engine:
    """Returns what computes for a translator of these parts.

    Raises:
        SettingsError: an exported model is to be in an ensemble, or on another device.
    """
    model, source, target, _, others, shortlist, _ = parts
    if isinstance(model, ExportedModel):
        if others or shortlist:
            raise SettingsError("an exported model has no ensemble and no shortlist")
        return ExportedEngine(model, source, target, device)
    from seq2seq.translation.ensemble import EnsembleMember
    from seq2seq.translation.torch_engine import TorchEngine

    return TorchEngine([EnsembleMember(model, source), *others], target, device, shortlist)
