"""Shortlists: for each sentence the target tokens that may follow from its source tokens.

The output layer and its softmax are computed for these alone (Jean et al. 2015, section 3.3;
L'Hostis et al. 2016). A search then knows no others: its ids are the places in the list of all
tokens that the batch may have, which begins with the special tokens, so that these keep their ids.
Each sentence is restricted to its own tokens, so that it does not depend on the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from seq2seq.config.decoding import MAX_SHORTLIST
from seq2seq.data.batching import pad, pad_sources
from seq2seq.data.vocabulary import PAD_ID, SPECIAL_TOKENS
from seq2seq.decoding.ensemble import Ensemble
from seq2seq.decoding.hypothesis import Hypothesis, Ids
from seq2seq.decoding.interface import State, StepFunction
from seq2seq.errors import RunError
from seq2seq.runs.tensors import Shapes, load_tensors, save_tensors

FORMAT = "seq2seq shortlist 1"


class BatchTokens(NamedTuple):
    """The target tokens that the sentences of a batch may have.

    Attributes:
        tokens: their ids, ascending, ``(chosen,)``; the special tokens come first.
        allowed: which of them each sentence may have, ``(batch_size, chosen)``.
    """

    tokens: Tensor
    allowed: Tensor

    def restrict(
        self, model: Ensemble, state: State, prefixes: Sequence[Ids] | None
    ) -> tuple[StepFunction, State, list[list[int]] | None]:
        """Returns a model's step and state, and the prefixes, with places in place of tokens.

        Args:
            model: the model to search.
            state: before bos, one row for each sentence.
            prefixes: tokens of the vocabulary, all of them chosen; or None.
        """

        def step_by_places(places: Tensor, state: State) -> tuple[Tensor, State]:
            return model.step(self.tokens[places], state)

        begun = None
        if prefixes is not None:
            places = {token: place for place, token in enumerate(self.tokens.tolist())}
            begun = [[places[token] for token in prefix] for prefix in prefixes]
        return step_by_places, model.choose_targets(state, self.tokens, self.allowed), begun

    def restore(self, hypotheses: Sequence[Hypothesis]) -> list[Hypothesis]:
        """Hypotheses whose tokens are places, with ids of the vocabulary."""
        ids = self.tokens.tolist()
        return [each._replace(tokens=[ids[place] for place in each.tokens]) for each in hypotheses]


class Shortlist(NamedTuple):
    """Which target tokens may follow from a source token.

    Attributes:
        best: the most probable translations of each source token, best first, int32
            ``(source_vocab_size, width)``; pad where there are no more.
        always: target tokens that every sentence may have, ascending, int32; the special tokens are
            the first.
    """

    best: Tensor
    always: Tensor

    def choose(
        self,
        sources: Sequence[Ids],
        size: int,
        prefixes: Sequence[Ids] | None,
        device: torch.device,
    ) -> BatchTokens:
        """Returns the target tokens for a batch of sentences.

        Args:
            sources: ids of each sentence, without bos and eos.
            size: how many tokens of each source token's list.
            prefixes: target ids that each sentence's hypotheses begin with, which are allowed.
        """
        source, _ = pad_sources(sources)
        best = self.best[source, :size].long()  # (batch_size, source_length, size)
        best.masked_fill_((source == PAD_ID).unsqueeze(2), PAD_ID)
        listed = [
            best.flatten(1),
            self.always.long().expand(len(sources), -1),
            *([] if prefixes is None else [pad(prefixes)[0]]),
        ]
        ids = torch.cat(listed, dim=1)
        allowed = torch.zeros((len(ids), int(ids.max()) + 1), dtype=torch.bool)
        allowed.scatter_(1, ids, True)
        tokens = allowed.any(dim=0).nonzero().squeeze(1)
        return BatchTokens(tokens.to(device), allowed[:, tokens].to(device))


def save_shortlist(path: Path, shortlist: Shortlist, run_id: str | None = None) -> None:
    """Writes a shortlist, with the id of the run that it belongs to.

    Raises:
        RunError: it can't be written.
    """
    save_tensors(path, shortlist._asdict(), {"format": FORMAT}, run_id)


def load_shortlist(path: Path, sizes: tuple[int, int], run_id: str | None = None) -> Shortlist:
    """Reads what `save_shortlist` wrote, for vocabularies of these sizes.

    Raises:
        RunError: it is missing, damaged, of another run, or does not fit.
    """

    def check(shapes: Shapes) -> None:
        best, always = shapes.get("best", ()), shapes.get("always", ())
        if len(best) != 2 or best[0] != sizes[0] or best[1] > MAX_SHORTLIST or len(always) != 1:
            raise refusal(path)

    tensors, state = load_tensors(path, run_id, check)
    if not isinstance(state, dict) or state.get("format") != FORMAT or len(tensors) != 2:
        raise refusal(path)
    found = Shortlist(**tensors)
    for ids in found:
        if ids.dtype != torch.int32 or bool(((ids < 0) | (ids >= sizes[1])).any()):
            raise refusal(path)
    if found.always[: len(SPECIAL_TOKENS)].tolist() != [*range(len(SPECIAL_TOKENS))]:
        raise refusal(path)
    return found


def refusal(path: Path) -> RunError:
    """The error for a file with something else."""
    return RunError(
        f"{path} is not a shortlist of this model that this version reads: copy it again from "
        "where it came, or delete it and continue the training with --resume, which counts again"
    )
