"""A translator's best candidates, chosen from with the help of other models.

A language model says how good a candidate is as a sentence, and a reverse model how probable it
makes the source (noisy channel; Yee et al. 2019). The weights are tuned on validation text.

>>> reranker = Reranker(Translator.load("runs/de-en"), reverse=Translator.load("runs/en-de"))
...                                                                      # doctest: +SKIP
>>> reranker.tune(validation.sources, validation.targets)                # doctest: +SKIP
>>> reranker.translate(["Ein Mann schläft."])                            # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

import torch
from torch import Tensor

from seq2seq.config.arguments import as_list, check_count, check_strings
from seq2seq.errors import SettingsError
from seq2seq.evaluation.nbest_tuning import choose, make_table, tune
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.translation.translator import Translator

LOG_PROB_FLOOR = -1e4
"""No log-probability of a candidate counts as less."""


class Reranker:
    """Chooses among a translator's candidates by a weighted sum of features.

    The features are the translator's log-probability, the candidate's number of tokens, and the
    log-probabilities of the language model and of the reverse model, as far as they are given.

    Args:
        translator: whose candidates.
        language: a language model of the target language, with any vocabulary.
        reverse: a translator from the target language to the source language.
        n: how many candidates of each sentence.
        weights: by name, as `tune` returns them; else the translator decides alone.

    Raises:
        SettingsError: fewer than 2 candidates, or weights that are not those of the features.
    """

    def __init__(
        self,
        translator: Translator,
        *,
        language: LanguageModel | None = None,
        reverse: Translator | None = None,
        n: int = 20,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        check_count(n, "n", 2, "candidates to choose from")
        self.translator = translator
        self.language = language
        self.reverse = reverse
        self.n = n
        self.names = ["translation", "length"]
        self.names += ["language"] * (language is not None) + ["reverse"] * (reverse is not None)
        self.weights = dict(weights or {name: float(name == "translation") for name in self.names})
        if set(self.weights) != set(self.names):
            raise SettingsError(
                f"the weights are those of {', '.join(sorted(self.weights))}, the features are "
                f"{', '.join(self.names)}: give the models that the weights were tuned for"
            )

    def candidate_features(self, sources: Sequence[str]) -> tuple[list[list[str]], Tensor]:
        """Returns the candidates of each source, and their features.

        Returns:
            Texts, and ``(sentences, n, features)`` in float64; -inf in the first feature of a place
            that has no candidate.
        """
        sources = check_strings(sources, "sources")
        found = self.translator.candidates(sources, n=self.n)
        texts = [[candidate.text for candidate in row] for row in found]
        columns = [
            [[candidate.log_probability for candidate in row] for row in found],
            [[float(len(candidate.tokens) + 1) for candidate in row] for row in found],
        ]
        flat = [text for row in texts for text in row]
        if self.language is not None:
            scores = [score.log_probability for score in self.language.score(flat)]
            columns.append(group_by_sentence(scores, texts))
        if self.reverse is not None:
            repeated = [source for source, row in zip(sources, texts, strict=True) for _ in row]
            scores = [score.log_probability for score in self.reverse.score(flat, repeated)]
            columns.append(group_by_sentence(scores, texts))
        features = torch.full((len(texts), self.n, len(columns)), float("-inf")).double()
        for sentence, row in enumerate(texts):
            for index, column in enumerate(columns):
                values = torch.tensor(column[sentence], dtype=torch.float64)
                # What a model holds impossible is very bad, and a number: 0 times it is 0.
                features[sentence, : len(row), index] = values.clamp(min=LOG_PROB_FLOOR)
        return texts, features

    def tune(
        self,
        sources: Sequence[str],
        references: Sequence[Sequence[str]] | Sequence[str],
        *,
        tokenize: str = "13a",
        lowercase: bool = False,
    ) -> float:
        """Finds the weights with the best BLEU on validation text; returns that BLEU.

        Args:
            sources: validation sentences.
            references: for each its reference, or all its references.
            tokenize: sacreBLEU's tokenization.
            lowercase: ignore case.

        Raises:
            DataError: the numbers of sources and references differ.
        """
        texts, features = self.candidate_features(sources)
        table = make_table(texts, features, references, tokenize=tokenize, lowercase=lowercase)
        found, score = tune(table, [self.weights[name] for name in self.names])
        self.weights = dict(zip(self.names, found, strict=True))
        return score

    @overload
    def translate(self, sources: str) -> str: ...

    @overload
    def translate(self, sources: list[str] | tuple[str, ...]) -> list[str]: ...

    def translate(self, sources: str | Sequence[str]) -> str | list[str]:
        """Returns the best candidate of a source, or of each of a list, as the weights have it."""
        given = as_list(sources, "sources")
        if not given:
            return []
        texts, features = self.candidate_features(given)
        weights = torch.tensor([self.weights[name] for name in self.names], dtype=torch.float64)
        chosen = choose(features, weights).tolist()
        best = [row[place] for row, place in zip(texts, chosen, strict=True)]
        return best[0] if isinstance(sources, str) else best


def group_by_sentence(values: Sequence[float], texts: Sequence[Sequence[str]]) -> list[list[float]]:
    """As many values as there are candidates in all, by sentence."""
    rest = iter(values)
    return [[next(rest) for _ in row] for row in texts]
