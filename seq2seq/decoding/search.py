"""Many sentences -> hypotheses: sorted into batches, searched, and put back in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.vocabulary import UNK_ID
from seq2seq.decoding.batches import batches, hypotheses_each
from seq2seq.decoding.beam_search import beam_search, diverse_continuations
from seq2seq.decoding.computing import batch_limits, reduced_precision, start_batch, threads_for
from seq2seq.decoding.constraints import Constraints
from seq2seq.decoding.ensemble import Ensemble
from seq2seq.decoding.greedy import greedy_search
from seq2seq.decoding.hypothesis import FORBIDDEN_IDS, Hypothesis, Ids
from seq2seq.decoding.interface import Scoring, State, StepFunction, StepLanguageModel, StepModel
from seq2seq.decoding.lexical_constraints import Phrases
from seq2seq.decoding.mbr import Utility, minimum_bayes_risk
from seq2seq.decoding.sampling import sample_key, sample_search
from seq2seq.decoding.scoring import token_log_probabilities
from seq2seq.decoding.shallow_fusion import ShallowFusion
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.errors import SettingsError

MAX_SAMPLING_ROUNDS = 8
"""How often samples are drawn anew while too few of them differ."""


class SearchRequest(NamedTuple):
    """A batch of sentences to search, as every search method gets it.

    Attributes:
        step: of the models together.
        state: before bos, one row for each sentence.
        lengths: of the sources, eos counted, ``(batch_size,)``.
        settings: the parameters of the method.
        sources: the ids of each sentence, which its random draws depend on.
        prefixes: for each sentence the target ids that its hypotheses begin with.
        n: how many hypotheses of each sentence are wanted.
        attention: keep attention in the hypotheses.
        utility: what mbr compares hypotheses by; None for other methods.
        phrases: for each sentence those that its hypotheses must contain; only for beam.
    """

    step: StepFunction
    state: State
    lengths: Tensor
    settings: DecodingSettings
    sources: Sequence[Ids]
    prefixes: Sequence[Ids] | None
    n: int
    attention: bool
    utility: Utility | None
    phrases: Sequence[Phrases] | None

    @property
    def constraints(self) -> Constraints:
        """What the settings and the prefixes allow."""
        settings, lengths = self.settings, self.lengths - 1  # eos is no token of the source
        if settings.max_length:
            longest = torch.full_like(lengths, settings.max_length)
        else:
            longest = (settings.max_length_ratio * lengths + settings.max_length_extra).long()
        return Constraints(
            longest,
            forbidden=[
                each for each in FORBIDDEN_IDS if each != UNK_ID or not settings.replace_unknown
            ],
            min_length=settings.min_length,
            no_repeat_ngram=settings.no_repeat_ngram,
            prefixes=self.prefixes,
        )

    @property
    def scoring(self) -> Scoring:
        """How the settings rank."""
        return Scoring(
            self.settings.length_penalty,
            self.settings.coverage_penalty,
            self.attention or self.settings.replace_unknown,
            tuple(self.lengths.tolist()),
        )

    @property
    def common(self) -> tuple[StepFunction, State, Constraints, Scoring]:
        """The arguments that all searches begin with."""
        return self.step, self.state, self.constraints, self.scoring


@torch.inference_mode()
def search(
    members: Sequence[StepModel],
    sources: Sequence[Sequence[Ids]],
    settings: DecodingSettings,
    device: torch.device,
    *,
    language_model: StepLanguageModel | None = None,
    language_model_weight: float = 0.0,
    n: int = 1,
    prefixes: Sequence[Ids] | None = None,
    attention: bool = False,
    utility: Utility | None = None,
    shortlist: Shortlist | None = None,
    phrases: Sequence[Phrases] | None = None,
) -> list[list[Hypothesis]]:
    """Returns the best hypotheses of each source, in the order of the sources.

    Sentences of like length are searched together, which changes the time only: each has its own
    beam and its own draws, and pads reach no result. In bfloat16, which has three digits, two
    tokens of all but equal probability may change places with the shapes of the products.

    Args:
        members: the models of an ensemble, or a single one; in evaluation mode.
        sources: for each member the ids of all sentences, without bos and eos. Those of the first
            member decide on lengths and draws.
        language_model: for shallow fusion, in evaluation mode.
        language_model_weight: the factor of its log-probabilities.
        n: how many hypotheses of a sentence are wanted. A beam is at least so wide; so many
            different samples are drawn, if there are, and put best first.
        prefixes: for each source the target ids that its hypotheses begin with.
        attention: keep attention in the hypotheses; so does `settings.replace_unknown`.
        utility: what mbr compares; only and always given for it.
        shortlist: of the first member's source tokens, for `settings.shortlist`.
        phrases: for each source those that its hypotheses must contain; only for a beam that is
            wider than their tokens, and without shortlist.

    Raises:
        SettingsError: attention is needed, and a model has none; mbr has nothing to compare by; no
            shortlist is given for `settings.shortlist`.
    """
    model = combine(members, language_model, language_model_weight)
    results: list[list[Hypothesis]] = [[] for _ in sources[0]]
    each = hypotheses_each(settings, n)
    size, tokens = batch_limits(settings, device)
    with reduced_precision(settings, device):  # around all: it converts the weights once
        for chosen in batches(sources[0], size, tokens // each):
            with threads_for(len(chosen) * each, device):
                state, lengths = start_batch(model, sources, chosen, device)
                request = SearchRequest(
                    step=model.step,
                    state=state,
                    lengths=lengths.to(device),
                    settings=settings,
                    sources=[sources[0][index] for index in chosen],
                    prefixes=prefixes and [prefixes[index] for index in chosen],
                    n=n,
                    attention=attention,
                    utility=utility,
                    phrases=phrases and [phrases[index] for index in chosen],
                )
                found = search_batch(request, model, shortlist)
            for index, hypotheses in zip(chosen, found, strict=True):
                results[index] = hypotheses
    return results


@torch.no_grad()
def score(
    members: Sequence[StepModel],
    sources: Sequence[Sequence[Ids]],
    targets: Sequence[Ids],
    device: torch.device,
    *,
    language_model: StepLanguageModel | None = None,
    language_model_weight: float = 0.0,
    batch_size: int = 256,
    batch_tokens: int = 8192,
) -> list[list[float]]:
    """Returns the log-probability of each token of each target, and of eos after them.

    Args:
        members: the models, see `search`; so are the sources and the language model.
        targets: one for each sentence.
        batch_size: the most pairs scored at the same time; never changes the result.
        batch_tokens: the most target tokens, with pads, scored at the same time.
    """
    model = combine(members, language_model, language_model_weight)
    results: list[list[float]] = [[] for _ in targets]
    for chosen in batches(targets, batch_size, batch_tokens):
        state, _ = start_batch(model, sources, chosen, device)
        rows = [targets[index] for index in chosen]
        found = token_log_probabilities(model.step, state, rows, device)
        for index, values in zip(chosen, found, strict=True):
            results[index] = values
    return results


def combine(
    members: Sequence[StepModel], language_model: StepLanguageModel | None, weight: float
) -> Ensemble | ShallowFusion:
    """Returns the members as one model, with the language model if it has any weight."""
    ensemble = Ensemble(members)
    if language_model is None or not weight:
        return ensemble
    return ShallowFusion(ensemble, language_model, weight)


def search_batch(
    request: SearchRequest, model: Ensemble | ShallowFusion, shortlist: Shortlist | None
) -> list[list[Hypothesis]]:
    """Searches with the method that the settings name, among the shortlist if they ask for it."""
    method = SEARCHES[request.settings.method]
    size = request.settings.shortlist
    if not size:
        return method(request)
    if shortlist is None:
        raise SettingsError("shortlist needs one: the most probable translations of each token")
    if not isinstance(model, Ensemble):
        raise SettingsError("shortlist can't be used with a language model, which knows all tokens")
    targets = shortlist.choose(request.sources, size, request.prefixes, request.lengths.device)
    step, state, prefixes = targets.restrict(model, request.state, request.prefixes)
    found = method(request._replace(step=step, state=state, prefixes=prefixes))
    return [targets.restore(hypotheses) for hypotheses in found]


def search_beam(request: SearchRequest) -> list[list[Hypothesis]]:
    """Searches with a beam; greedily where the beam has room for one hypothesis only."""
    width = max(request.n, request.settings.beam_size)
    if width == 1:
        return [[found] for found in greedy_search(*request.common)]
    return beam_search(*request.common, beam_size=width, phrases=request.phrases)


def search_diverse_beam(request: SearchRequest) -> list[list[Hypothesis]]:
    """Searches with diverse beams, as wide together as the groups can share evenly."""
    settings, groups = request.settings, request.settings.groups
    return beam_search(
        *request.common,
        beam_size=-(-max(request.n, settings.beam_size) // groups) * groups,
        groups=groups,
        continuations=partial(diverse_continuations, groups=groups, diversity=settings.diversity),
    )


def search_samples(request: SearchRequest) -> list[list[Hypothesis]]:
    """Draws samples; returns the first `n` different ones of each sentence, the best first."""
    # In the order of their numbers, so that asking for more keeps those that there are.
    different: list[dict[tuple[int, ...], Hypothesis]] = [{} for _ in request.sources]
    for turn in range(MAX_SAMPLING_ROUNDS):
        counts = [request.n if len(known) < request.n else 0 for known in different]
        if not any(counts):
            break
        drawn = draw_samples(request, counts, first=turn * request.n)
        for known, row in zip(different, drawn, strict=True):
            for sample in row:
                if len(known) < request.n:
                    known.setdefault(tuple(sample.tokens), sample)
    return [sorted(known.values(), key=lambda h: -h.score) for known in different]


def search_minimum_bayes_risk(request: SearchRequest) -> list[list[Hypothesis]]:
    """Draws samples; returns those of each sentence with the highest expected utility first."""
    if request.utility is None:
        raise SettingsError("mbr needs a utility: what two hypotheses are compared by")
    count = max(request.n, request.settings.samples)
    drawn = draw_samples(request, [count] * len(request.sources))
    return [minimum_bayes_risk(samples, request.utility) for samples in drawn]


def draw_samples(
    request: SearchRequest, counts: Sequence[int], first: int = 0
) -> list[list[Hypothesis]]:
    """Returns `counts[i]` samples of sentence i, those with the numbers from `first` on."""
    settings = request.settings
    keys = [
        [sample_key(settings.seed, ids, first + number) for number in range(count)]
        for ids, count in zip(request.sources, counts, strict=True)
    ]
    return sample_search(
        *request.common,
        keys=keys,
        temperature=settings.temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
    )


SEARCHES: dict[str, Callable[[SearchRequest], list[list[Hypothesis]]]] = {
    "beam": search_beam,
    "diverse-beam": search_diverse_beam,
    "sample": search_samples,
    "mbr": search_minimum_bayes_risk,
}
"""The search methods, by their names in `DecodingSettings.method`. Each returns the hypotheses of
each sentence of the batch, best first."""
