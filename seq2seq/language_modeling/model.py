"""A run directory -> a language model, from Python: how probable a text is, and generated text.

>>> model = LanguageModel.load("runs/shakespeare")                   # doctest: +SKIP
>>> model.perplexity("To be, or not to be")                          # doctest: +SKIP
>>> model.generate("ROMEO:", max_tokens=100)                         # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, overload

from seq2seq.config.arguments import as_list, check_strings
from seq2seq.config.base import raise_problems, with_changes
from seq2seq.config.language_model import GenerationSettings
from seq2seq.data.token_stream import TokenStream
from seq2seq.data.vocabulary import UNK
from seq2seq.decoding.generate import generate_ids
from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.multi_step import MultiStepScores, predict_ahead
from seq2seq.evaluation.perplexity import TextScore, perplexity, row_log_probabilities, text_score
from seq2seq.language_modeling.loading import load_language_model
from seq2seq.models.device import choose_device, use_one_thread_after_fork
from seq2seq.models.language_model import LanguageNetwork
from seq2seq.models.ngram.model import NGramModel
from seq2seq.runs.run import Run, open_run

__all__ = ["LanguageModel", "TextScore", "TokenScores"]


class TokenScores(NamedTuple):
    """How probable a text is, token by token.

    Attributes:
        log_probability: natural logarithm of the probability of the whole.
        tokens: as they were predicted; a line's end is ``<eos>``.
        token_log_probabilities: of each of them, given those before it.
    """

    log_probability: float
    tokens: list[str]
    token_log_probabilities: list[float]

    @property
    def unknown_tokens(self) -> int:
        """How many of the tokens are ``<unk>``."""
        return self.tokens.count(UNK)

    @property
    def perplexity_without_unknown(self) -> float | None:
        """exp of the mean negative log-likelihood of all other tokens; None if there is none."""
        pairs = zip(self.tokens, self.token_log_probabilities, strict=True)
        known = [value for token, value in pairs if token != UNK]
        return perplexity(-sum(known) / len(known)) if known else None

    def summary(self) -> dict[str, object]:
        """Returns all of it by name."""
        return {
            **self._asdict(),
            "unknown_tokens": self.unknown_tokens,
            "perplexity_without_unknown": self.perplexity_without_unknown,
        }


class LanguageModel:
    """A language model, recurrent or of n-grams: scores and generates text.

    Args:
        network: any language model's.
        text: how text becomes ids, and comes back.
        settings: how text is generated, where a call does not say.
        device: "auto", "cpu", "cuda" or "mps".
    """

    def __init__(
        self,
        network: LanguageNetwork | NGramModel,
        text: TokenStream,
        settings: GenerationSettings | None = None,
        device: str = "auto",
    ) -> None:
        self.device = choose_device(device)
        self.network = network.to(self.device).train(mode=False)
        self.text = text
        self.settings = settings or GenerationSettings()

    @classmethod
    def load(cls, run: str | Path | Run, device: str = "auto") -> LanguageModel:
        """Loads the language model in a run directory, of either kind, with its best weights.

        Or one on the Hugging Face Hub, as "hf://user/name" or "hf://user/name@revision".

        Raises:
            RunError: there is no run, it is not one of a language model, or one of its files is
                missing or damaged.
        """
        network, text, settings = load_language_model(open_run(run))
        return cls(network, text, settings, device)

    @overload
    def perplexity(self, texts: str) -> float: ...

    @overload
    def perplexity(self, texts: list[str] | tuple[str, ...]) -> list[float]: ...

    def perplexity(self, texts: str | Sequence[str]) -> float | list[float]:
        """Returns exp of the mean negative log-likelihood per token.

        Args:
            texts: one, or a list of them, each read from a fresh state. A line's end within one is
                a token; sentence models, and those of n-grams, read each line by itself.

        Returns:
            A number for a string, a list of as many for a list; `evaluate` says it of all together.

        Raises:
            DataError: there is no token in a text.
        """
        if isinstance(texts, str):
            return self.evaluate(texts).perplexity
        return [self.evaluate(text).perplexity for text in as_list(texts, "texts")]

    def evaluate(self, texts: str | Sequence[str]) -> TextScore:
        """Returns the likelihood of all texts together, by token, by word and by character."""
        given = [self.text.clean(text) for text in as_list(texts, "texts")]
        return self.score_rows(
            [row for text in given for row in self.text.rows(text.split("\n"), closed=False)],
            [line for text in given for line in text.split("\n")],
        )

    def evaluate_lines(self, lines: Sequence[str]) -> TextScore:
        """`evaluate` for the lines of a file, whose last one has an end, too."""
        lines = check_strings(lines, "lines")
        if self.text.letters_only:
            return self.evaluate("\n".join(lines))
        return self.score_rows(self.text.rows(lines), lines)

    def predict_ahead(
        self, lines: Sequence[str], *, steps: int = 10, places: int = 1000
    ) -> MultiStepScores:
        """How well the lines of a file are predicted 1 to `steps` tokens ahead.

        See `seq2seq.evaluation.multi_step.predict_ahead`, also for what is raised.

        Raises:
            SettingsError: the model is one of n-grams, whose state is not one to go on from.
        """
        if not isinstance(self.network, LanguageNetwork):
            raise SettingsError("looking ahead is for recurrent models, and this one is of n-grams")
        lines = check_strings(lines, "lines")
        if self.text.letters_only:
            lines = [self.text.clean("\n".join(lines))]
        rows = self.text.rows(lines)
        return predict_ahead(self.network, rows, self.device, steps=steps, places=places)

    def score_rows(self, rows: Sequence[list[int]], lines: Sequence[str]) -> TextScore:
        """The score of rows of ids that were made of these lines."""
        use_one_thread_after_fork()
        values = row_log_probabilities(self.network, rows, self.device)
        if not any(values):
            raise DataError("there is no token to predict: give text with words in it")
        return text_score(rows, values, lines, self.text.pipeline.tokenizer)

    @overload
    def score(self, texts: str) -> TokenScores: ...

    @overload
    def score(self, texts: list[str] | tuple[str, ...]) -> list[TokenScores]: ...

    def score(self, texts: str | Sequence[str]) -> TokenScores | list[TokenScores]:
        """Returns the log-probability of a text, token by token, from a fresh state.

        Args:
            texts: one, or a list of them.

        Returns:
            One score for a string, a list of as many for a list.
        """
        cleaned = map(self.text.clean, as_list(texts, "texts"))
        rows = [self.text.rows(text.split("\n"), closed=False) for text in cleaned]
        use_one_thread_after_fork()
        found = iter(row_log_probabilities(self.network, [*chain.from_iterable(rows)], self.device))
        scores = []
        for each in rows:
            values = [value for _ in each for value in next(found)]
            ids = [token for row in each for token in row[1:]]
            scores.append(TokenScores(sum(values), self.text.pipeline.vocab.tokens(ids), values))
        return scores[0] if isinstance(texts, str) else scores

    @overload
    def generate(self, prefix: str | None = None, **settings: Any) -> str: ...

    @overload
    def generate(self, prefix: Sequence[str], **settings: Any) -> list[str]: ...

    def generate(
        self, prefix: str | Sequence[str] | None = None, **settings: Any
    ) -> str | list[str]:
        """Generates text, the prefix at its beginning, exactly as it was given.

        Args:
            prefix: what it begins with; read first, to warm up the state, as far as the vocabulary
                has it. After a space at its end, a new word begins. A list gives a text for each.
            settings: fields of `GenerationSettings`, as ``max_tokens=100, temperature=0.8``.

        Raises:
            SettingsError: a setting is unknown or impossible.
        """
        if prefix is None or isinstance(prefix, str):
            return "".join(self.stream(prefix, **settings))
        return ["".join(self.stream(each, **settings)) for each in as_list(prefix, "prefix")]

    def stream(self, prefix: str | None = None, **settings: Any) -> Iterator[str]:
        """`generate`, piece by piece: the prefix, then each token's text as soon as it is known."""
        chosen = self.with_settings(settings, prefix)
        use_one_thread_after_fork()
        begun = self.text.begin(chosen.prefix)
        ends, not_next = self.text.sentences, begun.not_next
        ids = generate_ids(
            self.network, begun.ids, chosen, self.device, ends=ends, not_next=not_next
        )
        return self.text.continuation(begun, ids)

    def with_settings(self, changes: dict[str, Any], prefix: str | None) -> GenerationSettings:
        """The settings with some changes; SettingsError for an unknown or impossible one."""
        if prefix is not None:
            changes = {**changes, "prefix": prefix}
        settings = with_changes(self.settings, changes, "generation")
        size = len(self.text.pipeline.vocab)
        raise_problems(settings.too_many(size, f"{size:,} tokens"))
        return settings
