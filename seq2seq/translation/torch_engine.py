"""The models of runs, one or an ensemble, computed by torch for a translator."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.decoding.hypothesis import Hypothesis, Ids
from seq2seq.decoding.interface import StepLanguageModel
from seq2seq.decoding.lexical_constraints import Phrases
from seq2seq.decoding.search import score, search
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.errors import SettingsError
from seq2seq.models.device import choose_device, use_one_thread_after_fork
from seq2seq.translation.ensemble import (
    EnsembleMember,
    LoadedModel,
    check_settings,
    check_vocabularies,
    load_fusion_model,
)
from seq2seq.translation.results import make_utility


class TorchEngine:
    """See `Engine`; arguments as for `Translator`, with the first model among the members."""

    def __init__(
        self,
        members: Sequence[EnsembleMember],
        target: TextPipeline,
        device: str,
        shortlist: Shortlist | None,
    ) -> None:
        chosen = choose_device(device)
        self.members = [
            EnsembleMember(member.model.to(chosen).eval(), member.source) for member in members
        ]
        check_vocabularies(self.members, target)
        self.models = [member.model for member in self.members]
        self.sources = [member.source for member in self.members]
        self.target = target
        self.shortlist = shortlist
        self.language_models: dict[tuple[str, torch.device], StepLanguageModel] = {}

    @property
    def device(self) -> torch.device:
        """Where the models are; another translator of the same ones may have moved them."""
        return next(self.models[0].parameters()).device

    def single(self, settings: DecodingSettings) -> LoadedModel:
        """Returns the one model with all that belongs to it; SettingsError for an ensemble."""
        if len(self.members) > 1:
            raise SettingsError("an ensemble is no run: save each of its models by itself")
        model, source = self.members[0]
        return LoadedModel(model, source, self.target, settings, self.shortlist)

    def check(self, settings: DecodingSettings, *, attention: bool) -> None:
        """See `Engine.check`; loads the language model that the settings name."""
        check_settings(settings, self.members, self.target, self.shortlist, attention=attention)
        self.language_model(settings)

    def search(
        self,
        sources: Sequence[Sequence[Ids]],
        settings: DecodingSettings,
        *,
        n: int,
        prefixes: Sequence[Ids] | None,
        attention: bool,
        phrases: Sequence[Phrases] | None = None,
    ) -> list[list[Hypothesis]]:
        """See `Engine.search`."""
        use_one_thread_after_fork()
        return search(
            self.models,
            sources,
            settings,
            self.device,
            language_model=self.language_model(settings),
            language_model_weight=settings.language_model_weight,
            n=n,
            prefixes=prefixes,
            attention=attention,
            utility=make_utility(self.target, settings),
            shortlist=self.shortlist,
            phrases=phrases,
        )

    def score(
        self, sources: Sequence[Sequence[Ids]], targets: Sequence[Ids], settings: DecodingSettings
    ) -> list[list[float]]:
        """See `Engine.score`."""
        use_one_thread_after_fork()
        return score(
            self.models,
            sources,
            targets,
            self.device,
            batch_size=settings.batch_size,
            batch_tokens=settings.batch_tokens,
        )

    def language_model(self, settings: DecodingSettings) -> StepLanguageModel | None:
        """Returns the language model for shallow fusion, if the settings name one."""
        run, device = settings.language_model, self.device
        if run and (run, device) not in self.language_models:
            self.language_models[run, device] = load_fusion_model(run, self.target, device)
        return self.language_models.get((run, device))
