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
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.hub import resolve
from seq2seq.translation.engine import Engine
from seq2seq.translation.exported_engine import ExportedEngine, ExportedMember

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
    others: Sequence[EnsembleMember | ExportedMember] = ()
    shortlist: Shortlist | None = None
    about: AboutSettings = AboutSettings()


def load_parts(
    run: str | Path | Run | Export,
    ensemble: str | Path | Run | Export | Sequence[str | Path | Run | Export],
) -> Parts:
    """Loads what a directory holds; see `Translator.load`."""
    single = isinstance(ensemble, str) or not isinstance(ensemble, Sequence)
    more = cast("Sequence[str | Path | Run | Export]", [ensemble] if single else ensemble)
    paths = [resolve(each) if isinstance(each, str) else each for each in (run, *more)]
    opened = [open_export(path) for path in paths]
    exports = [each for each in opened if each is not None]
    if not exports:
        return load_runs(cast("Sequence[str | Path | Run]", paths))
    for path, found in zip(paths, opened, strict=True):
        if found is None and isinstance(path, str | Path):
            RunDirectory(path).check_exists()
    check_of_one_kind(len(exports) == len(opened))
    return load_exports(exports)


def load_runs(paths: Sequence[str | Path | Run]) -> Parts:
    """Loads the models of runs, with torch."""
    from seq2seq.runs.run import open_run
    from seq2seq.translation.ensemble import EnsembleMember, load_ensemble

    runs = [open_run(paths[0]), *(open_run(other, "ensemble") for other in paths[1:])]
    first, *rest = load_ensemble(runs)
    others = [EnsembleMember(each.model, each.source) for each in rest]
    return Parts(*first[:4], others, first.shortlist, runs[0].experiment(Experiment).about)


def load_exports(exports: Sequence[Export]) -> Parts:
    """Loads the models of exports, without torch."""
    sources, targets = zip(*(export.pipelines() for export in exports), strict=True)
    for export, target in zip(exports, targets, strict=True):
        if target.vocab.fingerprint != targets[0].vocab.fingerprint:
            raise SettingsError(
                f"{exports[0].path} and {export.path} can't be an ensemble: their target "
                "vocabularies differ. Train the second model again with --data.vocabulary and the "
                "first one's run, and export it"
            )
    models = [export.load_model() for export in exports]
    members = [ExportedMember(*each) for each in zip(models, sources, strict=True)]
    known = exports[0].experiment()
    return Parts(*members[0], targets[0], known.decoding, members[1:], about=known.about)


def check_of_one_kind(same: bool) -> None:
    """Raises SettingsError unless the models of an ensemble are all runs', or all exported."""
    if not same:
        raise SettingsError(
            "an exported model can't be in an ensemble with a run: give the runs of all models, or "
            "export all of them"
        )


def make_engine(parts: Parts, device: str) -> Engine:
    """Returns what computes for a translator of these parts.

    Raises:
        SettingsError: some models are exported and others are not, or they have a shortlist, or are
            to be on another device.
    """
    model, source, target, _, others, shortlist, _ = parts
    exported = isinstance(model, ExportedModel)
    check_of_one_kind(all(isinstance(each.model, ExportedModel) == exported for each in others))
    if isinstance(model, ExportedModel):
        if shortlist:
            raise SettingsError("an exported model has no shortlist")
        members = [ExportedMember(model, source), *cast("Sequence[ExportedMember]", others)]
        return ExportedEngine(members, target, device)
    from seq2seq.translation.ensemble import EnsembleMember
    from seq2seq.translation.torch_engine import TorchEngine

    first = EnsembleMember(model, source)
    rest = cast("Sequence[EnsembleMember]", others)
    return TorchEngine([first, *rest], target, device, shortlist)
