"""What a translator gives back: translations, and the scores of given ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import UNK
from seq2seq.decoding.interface import Hypothesis
from seq2seq.decoding.mbr import Utility
from seq2seq.errors import RunError


class Translation(NamedTuple):
    """One translation of one sentence.

    Attributes:
        text: detokenized.
        tokens: the target's tokens, as the model sees them, without eos; but those of a prefix are
            as they were given, and those that replace an unknown one are the source's.
        log_probability: natural logarithm of p(tokens, eos | source).
        score: what the search ranks by: the log-probability divided by the length penalty, plus the
            coverage penalty; for mbr the expected utility.
        source_tokens: what was translated, in the source's tokens, without eos.
        attention: if asked for, how much each target token (a row, the last one for eos) is based
            on each source token (a column, the last one for eos): ``len(tokens) + 1`` rows of
            ``len(source_tokens) + 1`` numbers. None for an empty sentence, too.
    """

    text: str
    tokens: list[str]
    log_probability: float
    score: float
    source_tokens: list[str]
    attention: list[list[float]] | None = None

    def plot_attention(self, path: str | Path) -> Path:
        """Draws the attention as a picture (extra `plots`).

        Args:
            path: the file to write: .png, .pdf or .svg.

        Returns:
            The file.

        Raises:
            SettingsError: there is no attention to draw, matplotlib is not installed, or the file's
                name has another ending.
            DataError: the file can't be written.
        """
        from seq2seq.plotting.attention import attention_figure
        from seq2seq.plotting.figure import save_figure

        figure = attention_figure(self.source_tokens, self.tokens, self.attention)
        return save_figure(figure, path, bbox_inches="tight", pad_inches=0.1)


class PairScore(NamedTuple):
    """How probable a model finds a given translation.

    Attributes:
        log_probability: natural logarithm of p(tokens, eos | source); search says the same of the
            same tokens.
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

EMPTY_SCORE = PairScore(0.0, 0.0, [], [])
"""The score of nothing as the translation of nothing."""


def make_utility(target: TextPipeline, settings: DecodingSettings) -> Utility | None:
    """What minimum Bayes risk compares: detokenized text, by the chosen utility; None elsewhere."""
    if settings.method != "mbr":
        return None
    from seq2seq.evaluation.metrics import sentence_utility

    return Utility(target.decode, sentence_utility(settings.utility))


def make_translations(
    hypotheses: Sequence[Hypothesis],
    target: TextPipeline,
    source: list[str],
    prefix: list[str],
    settings: DecodingSettings,
    *,
    attention: bool,
) -> list[Translation]:
    """What a search found for a sentence, in words, with the prefix as it was given.

    Args:
        hypotheses: best first.
        target: tokenizer and vocabulary of the target side.
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
    translations = []
    for hypothesis in hypotheses:
        tokens = target.vocab.tokens(hypothesis.tokens)
        tokens[: len(prefix)] = prefix
        weights = hypothesis.attention
        if settings.replace_unknown and weights is not None:
            tokens = replace_unknown(tokens, source, weights)
        translation = Translation(
            # No text has a line's end in a token, but a vocabulary made by hand may.
            target.tokenizer.detokenize(tokens).replace("\n", " "),
            tokens,
            hypothesis.log_probability,
            hypothesis.score,
            source,
            weights.tolist() if attention and weights is not None else None,
        )
        translations.append(translation)
    return translations


def replace_unknown(
    tokens: Sequence[str], source_tokens: Sequence[str], attention: Tensor
) -> list[str]:
    """The tokens with the source token of the highest attention in the place of each `<unk>`.

    Luong et al. 2015 (Addressing the Rare Word Problem), section 3, with attention for alignment.

    Args:
        tokens: of the target, without eos.
        source_tokens: at least one, without eos.
        attention: ``(len(tokens) + 1, len(source_tokens) + 1)``; eos's column is left out, as eos
            can't stand for a word.
    """
    places = attention[:, : len(source_tokens)].argmax(dim=1).tolist()
    return [
        source_tokens[place] if token == UNK else token
        for token, place in zip(tokens, places, strict=False)
    ]
