"""A run directory -> translations, from Python.

>>> translator = Translator.load("runs/mine")                        # doctest: +SKIP
>>> translator.translate("Ein Mann schläft.")                        # doctest: +SKIP
'A man is sleeping.'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast, overload

from seq2seq.config.about import AboutSettings
from seq2seq.config.arguments import as_list
from seq2seq.config.base import with_changes
from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.model import ModelSettings
from seq2seq.data.terminology import Terminology
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.errors import DataError, SettingsError
from seq2seq.export.model import ExportedModel
from seq2seq.translation.exported_engine import ExportedEngine
from seq2seq.translation.loading import Parts, load_parts, make_engine
from seq2seq.translation.results import PairScore, Translation
from seq2seq.translation.scoring import score_pairs
from seq2seq.translation.searching import search_texts
from seq2seq.translation.streaming import group_lines, lines_ahead
from seq2seq.translation.terms import make_terms

if TYPE_CHECKING:  # what needs torch is imported where it is used: an export does without
    import torch

    from seq2seq.decoding.shortlist import Shortlist
    from seq2seq.export.directory import Export
    from seq2seq.models.translation import TranslationModel
    from seq2seq.runs.run import Run
    from seq2seq.translation.ensemble import EnsembleMember
    from seq2seq.translation.exported_engine import ExportedMember
    from seq2seq.translation.torch_engine import TorchEngine

Texts: TypeAlias = list[str] | tuple[str, ...]
"""Several texts; not any sequence, since a string is one of strings, too."""
Terms: TypeAlias = Terminology | Mapping[str, str] | None


class Translator:
    """Translates with a trained model, or with several as an ensemble.

    Args:
        model: any translation model, or one that was exported; with that, no shortlist.
        source: tokenizer and vocabulary of the source side.
        target: tokenizer and vocabulary of the target side.
        settings: how to search, where a call does not say.
        device: "auto", "cpu", "cuda" or "mps".
        others: the other models of an ensemble, all with the same target vocabulary. Lengths are
            counted in the source tokens of the first one, which is `model`.
        shortlist: what `settings.shortlist` takes of; of the first one's source tokens.
        about: what is said of the model: languages, author, data, licence.
    """

    def __init__(
        self,
        model: TranslationModel | ExportedModel,
        source: TextPipeline,
        target: TextPipeline,
        settings: DecodingSettings | None = None,
        device: str = "auto",
        *,
        others: Sequence[EnsembleMember | ExportedMember] = (),
        shortlist: Shortlist | None = None,
        about: AboutSettings | None = None,
    ) -> None:
        self.source = source
        self.target = target
        self.settings = settings or DecodingSettings()
        self.about = about or AboutSettings()
        self.engine = make_engine(
            Parts(model, source, target, self.settings, others, shortlist), device
        )

    @classmethod
    def load(
        cls,
        run: str | Path | Run | Export,
        device: str = "auto",
        *,
        ensemble: Sequence[str | Path | Run | Export] = (),
    ) -> Translator:
        """Loads the translator in a run directory, with its best weights; or an exported one.

        Args:
            run: the directory of a run or an export, or either if it is open already; or a model
                on the Hugging Face Hub, as "hf://user/name" or "hf://user/name@revision". The
                decoding settings are those of this run.
            device: see the class.
            ensemble: other runs, or other exports, whose probabilities are averaged with this
                one's. They may have another source tokenizer and another kind of model.

        Raises:
            RunError: there is no run, one of its files is missing or damaged, or it can't be
                fetched.
            SettingsError: a run of the ensemble has another target vocabulary; no path is given;
                some are runs and others exports.
        """
        parts = load_parts(run, ensemble)
        return cls(
            *parts[:4],
            device,
            others=parts.others,
            shortlist=parts.shortlist,
            about=parts.about,
        )

    def save(
        self,
        directory: str | Path,
        settings: ModelSettings | None = None,
        *,
        overwrite: bool = False,
    ) -> None:
        """Writes a run directory, which `load` and every command read.

        Args:
            directory: where; it is made.
            settings: what the model was built from, if not by `build_translation_model`.
            overwrite: delete a run that is there.

        Raises:
            SettingsError: these settings build another model, none are known, or it is an ensemble.
            RunError: the directory is not free, or can't be written to.
        """
        from seq2seq.translation.saving import save_model

        parts = self._torch.single(self.settings)
        save_model(directory, parts, settings, self.about, overwrite=overwrite)

    @overload
    def translate(
        self, text: str, *, prefix: str | None = None, terms: Terms = None, **settings: Any
    ) -> str: ...

    @overload
    def translate(
        self, text: Texts, *, prefix: Texts | None = None, terms: Terms = None, **settings: Any
    ) -> list[str]: ...

    def translate(
        self,
        text: str | Sequence[str],
        *,
        prefix: str | Sequence[str] | None = None,
        terms: Terms = None,
        **settings: Any,
    ) -> str | list[str]:
        """Translates a sentence, or several in one go.

        Args:
            text: one sentence, or a list of them. An empty one translates to an empty one, whatever
                its prefix.
            prefix: what the translation begins with; a list of as many for a list, "" for none. It
                is cut into tokens as a sentence is, so it should end where a word ends: the model
                has seen "▁house", and hardly ever "▁hou" with "se" after it. Whether a space
                follows is the model's choice: the next token may be a comma. Words that the
                vocabulary lacks come out as they were given.
            terms: how certain words are to be translated: a dict, as ``{"Hund": "hound"}``, or
                ``Terminology.read("terms.tsv")``, see there for how they are found. The translation
                has each as often as the sentence, unless its greatest length has no room (Post &
                Vilar 2018). Where the beam is no wider than the terms have tokens, it is widened.
            settings: fields of `DecodingSettings` for this call, as ``beam_size=5``.

        Returns:
            A string for a string, a list of as many for a list, in its order.

        Raises:
            DataError: there are not as many prefixes as sentences; or one of them is no string; or
                the vocabulary lacks a term's translation.
            SettingsError: a setting is unknown, impossible, needs attention that is not there, or
                can't be used with terms.
        """
        texts = as_list(text, "text")
        chosen = self.with_settings(settings)
        wanted = make_terms(terms, self.engine, chosen, self.target)
        found = self._search(texts, chosen, prefixes=prefix, terms=wanted)
        best = [candidates[0].text for candidates in found]
        return best[0] if isinstance(text, str) else best

    @overload
    def candidates(
        self,
        text: str,
        n: int = 5,
        *,
        prefix: str | None = None,
        terms: Terms = None,
        attention: bool = False,
        **settings: Any,
    ) -> list[Translation]: ...

    @overload
    def candidates(
        self,
        text: Texts,
        n: int = 5,
        *,
        prefix: Texts | None = None,
        terms: Terms = None,
        attention: bool = False,
        **settings: Any,
    ) -> list[list[Translation]]: ...

    def candidates(
        self,
        text: str | Sequence[str],
        n: int = 5,
        *,
        prefix: str | Sequence[str] | None = None,
        terms: Terms = None,
        attention: bool = False,
        **settings: Any,
    ) -> list[Translation] | list[list[Translation]]:
        """Finds the `n` best translations of a sentence, best first; fewer if there are no more.

        The beam is at least `n` wide, so asking for more than `beam_size` may find a better first.
        With the method sample, they are `n` different samples.

        Args:
            text: one sentence, or a list of them.
            n: how many translations of each.
            prefix: what they begin with, see `translate`.
            terms: how certain words are to be translated, see `translate`.
            attention: with the attention of each, for a model that has it.
            settings: fields of `DecodingSettings`.

        Returns:
            A list of translations for a string, a list of such lists for a list.

        Raises:
            DataError, SettingsError: as for `translate`; `n` is below 1 or above 1,000.
        """
        texts = as_list(text, "text")
        chosen = self.with_settings(settings, attention=attention)
        wanted = make_terms(terms, self.engine, chosen, self.target)
        found = self._search(texts, chosen, n=n, prefixes=prefix, attention=attention, terms=wanted)
        best = [candidates[:n] for candidates in found]
        return best[0] if isinstance(text, str) else best

    def translate_lines(self, lines: Iterable[str], **settings: Any) -> Iterator[str]:
        """Translates a stream: a line out for every line in, as batches of them are finished."""
        for _, candidates in self.candidate_lines(lines, n=1, **settings):
            yield candidates[0].text

    def candidate_lines(
        self,
        lines: Iterable[str] | Iterable[list[str]],
        n: int = 5,
        *,
        prefixes: Iterable[str] | None = None,
        terms: Terms = None,
        attention: bool = False,
        first: int = 1,
        **settings: Any,
    ) -> Iterator[tuple[str, list[Translation]]]:
        """Gives each line of a stream with its candidates; arguments as `candidates`.

        A stream of lists is answered list by list: no line is waited for. `first` is the number of
        the first line, for warnings.
        """
        chosen = self.with_settings(settings, attention=attention)
        wanted = make_terms(terms, self.engine, chosen, self.target)
        for group, begun in group_lines(lines, lines_ahead(chosen.batch_size), prefixes):
            found = self._search(
                group, chosen, first=first, n=n, prefixes=begun, attention=attention, terms=wanted
            )
            for line, candidates in zip(group, found, strict=True):
                yield line, candidates[:n]
            first += len(group)

    def _search(
        self, texts: list[str], settings: DecodingSettings, **options: Any
    ) -> list[list[Translation]]:
        """Returns what `search_texts` does, with its options."""
        return search_texts(self.engine, (self.source, self.target), texts, settings, **options)

    @overload
    def score(self, sources: str, targets: str) -> PairScore: ...

    @overload
    def score(self, sources: Texts, targets: Texts) -> list[PairScore]: ...

    def score(
        self, sources: str | Sequence[str], targets: str | Sequence[str]
    ) -> PairScore | list[PairScore]:
        """How probable given translations are.

        An empty target is scored as the sentence that ends at once, and an empty source is read as
        one; but nothing as the translation of nothing, which `translate` always says, has
        probability 1 and no tokens. A source that is too long is cut, as for a translation; a
        target never is.

        Args:
            sources: one sentence, or a list of them.
            targets: a translation of it, or of each, in their order.

        Raises:
            DataError: there are not as many targets as sources.
        """
        if isinstance(sources, str) != isinstance(targets, str):
            raise DataError("score a string with a string, or a list with a list")
        rows, given = as_list(sources, "sources"), as_list(targets, "targets")
        results = score_pairs(self.engine, self.target, rows, given, self.settings)
        return results[0] if isinstance(sources, str) else results

    @property
    def _torch(self) -> TorchEngine:
        """The models as torch has them; SettingsError for an export, which has none."""
        if isinstance(self.engine, ExportedEngine):
            raise SettingsError("an exported model has no modules of torch: load its run")
        return cast("TorchEngine", self.engine)

    @property
    def model(self) -> TranslationModel:
        """The model, or the first of an ensemble."""
        return self._torch.models[0]

    @property
    def members(self) -> list[EnsembleMember]:
        """All models of the ensemble, or the one alone, each with its source side."""
        return self._torch.members

    @property
    def device(self) -> torch.device:
        """Where the models compute."""
        return self._torch.device

    @property
    def shortlist(self) -> Shortlist | None:
        """The shortlist of the first one's source tokens, if there is one."""
        return self._torch.shortlist

    def with_settings(
        self, changes: dict[str, Any], *, attention: bool = False
    ) -> DecodingSettings:
        """The settings with some changes; SettingsError for an unknown or impossible one."""
        settings = with_changes(self.settings, changes, "decoding")
        self.engine.check(settings, attention=attention)
        return settings
