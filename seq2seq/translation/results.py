"""What a translator gives back: translations, and the scores of given ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.tokenizers.base import Tokenizer
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import UNK
from seq2seq.decoding.hypothesis import Hypothesis
from seq2seq.errors import RunError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from seq2seq.decoding.mbr import Utility


class Translation(NamedTuple):
    """One translation of one sentence.

    Attributes:
        text: detokenized.
        tokens: the target's tokens, as the model sees them, without eos; but those of a prefix are
            as they were given, and those that replace an unknown one are the source's, in
            the target's kind of tokens.
        log_probability: natural logarithm of p(tokens, eos | source); with a shortlist, each
            token's probability is that among the sentence's tokens, so that it is a little higher.
        score: what the search ranks by: the log-probability divided by the length penalty, plus the
            coverage penalty; for mbr the expected utility.
        source_tokens: what was translated, in the source's tokens, without eos.
        attention: if asked for, how much each target token (a row, the last one for eos) is based
            on each source token (a column, the last one for eos): ``len(tokens) + 1`` rows of
            ``len(source_tokens) + 1`` numbers. None for an empty sentence, too.
        alignment: if attention is asked for: which word of the source each word of the translation
            is based on most, as pairs of their numbers from 0, source first. Words are what stands
            between spaces. None where there is no attention.
    """

    text: str
    tokens: list[str]
    log_probability: float
    score: float
    source_tokens: list[str]
    attention: list[list[float]] | None = None
    alignment: list[tuple[int, int]] | None = None

    @overload
    def plot_attention(self) -> Figure: ...

    @overload
    def plot_attention(self, path: str | Path) -> Path: ...

    def plot_attention(self, path: str | Path | None = None) -> Figure | Path:
        """Draws the attention: a picture for a notebook, or a file .png, .pdf or .svg.

        Returns:
            The matplotlib Figure; the file, if one was to be written.

        Raises:
            SettingsError: there is no attention to draw, matplotlib is not installed, or the file's
                name has another ending.
            DataError: the file can't be written.
        """
        from seq2seq.plotting.attention import attention_figure
        from seq2seq.plotting.figure import save_figure

        figure: Figure = attention_figure(self.source_tokens, self.tokens, self.attention)
        if path is None:
            return figure
        return save_figure(figure, path, bbox_inches="tight", pad_inches=0.1)


class PairScore(NamedTuple):
    """How probable a model finds a given translation.

    Attributes:
        log_probability: natural logarithm of p(tokens, eos | source); search says the same of the
            same tokens. A shortlist has no part in it.
        per_token: its mean over the tokens, eos counted.
        tokens: the target's tokens, as the model sees them, with `<eos>` at the end. A word that
            the vocabulary lacks is `<unk>`, and is scored as that.
        token_log_probabilities: natural logarithm of the probability of each of them.
    """

    log_probability: float
    per_token: float
    tokens: list[str]
    token_log_probabilities: list[float]


EMPTY_TRANSLATION = Translation("", [], 0.0, 0.0, [])
"""What a sentence without a token translates to, with probability 1."""


def make_utility(target: TextPipeline, settings: DecodingSettings) -> Utility | None:
    """What minimum Bayes risk compares: detokenized text, by the chosen utility; None elsewhere."""
    if settings.method != "mbr":
        return None
    from seq2seq.decoding.mbr import Utility
    from seq2seq.evaluation.metrics import sentence_utility

    return Utility(target.decode, sentence_utility(settings.utility))


def make_translations(
    hypotheses: Sequence[Hypothesis],
    pipelines: tuple[TextPipeline, TextPipeline],
    source: list[str],
    prefix: list[str],
    settings: DecodingSettings,
    *,
    attention: bool,
) -> list[Translation]:
    """What a search found for a sentence, in words, with the prefix as it was given.

    Of hypotheses that are the same text, in other tokens, the first is taken.

    Args:
        hypotheses: best first.
        pipelines: tokenizer and vocabulary of the source and of the target side.
        source: the tokens of the source, without eos.
        prefix: the target tokens that the hypotheses begin with.
        settings: whether source tokens take the place of unknown ones.
        attention: whether the translations get their attention.

    Raises:
        RunError: nothing was found, as with weights that are not numbers.
    """
    if not hypotheses:
        raise RunError(
            "the model gives no translation a probability: its training has diverged, as with too "
            "high a learning rate"
        )
    target = pipelines[1]
    found: dict[str, Translation] = {}
    for hypothesis in hypotheses:
        tokens = target.vocab.tokens(hypothesis.tokens)
        tokens[: len(prefix)] = prefix
        weights = None if hypothesis.attention is None else np.asarray(hypothesis.attention)
        if settings.replace_unknown and weights is not None:
            words = [as_target_tokens(token, *pipelines) for token in source]
            tokens, weights = replace_unknown(tokens, words, weights)
        # No text has a line's end in a token, but a vocabulary made by hand may.
        text = target.tokenizer.detokenize(tokens).replace("\n", " ")
        translation = Translation(
            text, tokens, hypothesis.log_probability, hypothesis.score, source
        )
        if attention and weights is not None:
            alignment = align_words(
                weights,
                word_numbers(pipelines[0].tokenizer, source),
                word_numbers(target.tokenizer, tokens),
            )
            translation = translation._replace(attention=weights.tolist(), alignment=alignment)
        found.setdefault(text, translation)
    return [*found.values()]


def word_numbers(tokenizer: Tokenizer, tokens: list[str]) -> list[int]:
    """For each token the number, from 0, of the word that it belongs to."""
    texts = (tokenizer.detokenize(tokens[: place + 1]) for place in range(len(tokens)))
    return [max(len(text.split()) - 1, 0) for text in texts]


def align_words(
    attention: NDArray[np.float32], source_words: list[int], target_words: list[int]
) -> list[tuple[int, int]]:
    """Pairs of words, source first: what the tokens of each target word look at most.

    Args:
        attention: ``(target tokens + 1, source tokens + 1)``; the rows and columns of eos are left
            out.
        source_words, target_words: the number of the word that each token is of.
    """
    places = attention[:, : len(source_words)].argmax(axis=1).tolist()
    pairs = zip(places, target_words, strict=False)
    return sorted({(source_words[place], word) for place, word in pairs})


def as_target_tokens(token: str, source: TextPipeline, target: TextPipeline) -> list[str]:
    """A token of the source as the target side writes it: one kind's mark of a space is no other's.

    Of the same kind of tokens it stays as it is, so that a part of a word stays one.
    """
    if source.tokenizer.kind == target.tokenizer.kind:
        return [token]
    return target.tokenizer.tokenize(source.tokenizer.detokenize([token]))


def replace_unknown(
    tokens: Sequence[str], source_words: Sequence[list[str]], attention: NDArray[np.float32]
) -> tuple[list[str], NDArray[np.float32]]:
    """The tokens with what attention is most on in the place of each `<unk>`, and their attention.

    Luong et al. 2015 (Addressing the Rare Word Problem), section 3, with attention for alignment.

    Args:
        tokens: of the target, without eos.
        source_words: each source token in tokens of the target; at least one, without eos.
        attention: ``(len(tokens) + 1, len(source_words) + 1)``; eos's column is left out, as eos
            can't stand for a word.

    Returns:
        Tokens, and the attention with a row for each of them and for eos.
    """
    places = attention[:, : len(source_words)].argmax(axis=1).tolist()
    parts = [
        source_words[place] if token == UNK else [token]
        for token, place in zip(tokens, places, strict=False)
    ]
    counts = [*map(len, parts), 1]
    return [*chain.from_iterable(parts)], np.repeat(attention, counts, axis=0)
