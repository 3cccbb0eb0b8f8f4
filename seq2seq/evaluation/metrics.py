"""Translations -> scores, through sacreBLEU, never without their signatures.

Translations come out in Unicode's form NFC, so references are brought into it, too: sacreBLEU
would find no word with an accent in references of the form NFD. For text in NFC, it is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, get_args

from sacrebleu.metrics import BLEU, CHRF, TER

from seq2seq.config.experiment import Tokenization
from seq2seq.data.tokenizers.normalization import to_nfc
from seq2seq.errors import DataError, SettingsError

TOKENIZATIONS: tuple[str, ...] = get_args(Tokenization)
"""sacreBLEU's ways to take words apart for BLEU; 13a is the usual one."""


class Score(NamedTuple):
    """A number and how it was computed.

    Attributes:
        score: 0 to 100; for TER lower is better, and it can be above 100.
        signature: sacreBLEU's, which says everything that changes the number.
    """

    score: float
    signature: str

    def __str__(self) -> str:
        return f"{self.score:.2f}  {self.signature}"


class Scores(NamedTuple):
    """BLEU (Papineni et al. 2002), chrF (Popović 2015) and TER (Snover et al. 2006)."""

    bleu: Score
    chrf: Score
    ter: Score


def evaluate(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]] | Sequence[str],
    *,
    tokenize: str = "13a",
    lowercase: bool = False,
) -> Scores:
    """Scores detokenized translations.

    Args:
        hypotheses: one for each source sentence.
        references: for each source sentence its reference, or all its references.
        tokenize: sacreBLEU's tokenization for BLEU: "13a", "zh", "char", "none", …
        lowercase: ignore case, in all three.

    Raises:
        DataError: the numbers of hypotheses and references differ, there are none, or a sentence
            has no reference.
        SettingsError: a tokenization that is unknown or not to be had here.
    """
    metrics = (
        bleu_metric(tokenize, lowercase=lowercase),
        CHRF(lowercase=lowercase),
        TER(case_sensitive=not lowercase),
    )
    return Scores(*(score(metric, hypotheses, references) for metric in metrics))


def bleu(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]] | Sequence[str],
    *,
    tokenize: str = "13a",
    lowercase: bool = False,
) -> Score:
    """BLEU alone; arguments and errors as for `evaluate`."""
    return score(bleu_metric(tokenize, lowercase=lowercase), hypotheses, references)


def score(
    metric: BLEU | CHRF | TER,
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]] | Sequence[str],
) -> Score:
    """What one of sacreBLEU's metrics says, after a check of its inputs."""
    check_lengths(len(hypotheses), len(references))
    streams = [
        [None if text is None else to_nfc(text) for text in stream]
        for stream in reference_streams(references)
    ]
    result = metric.corpus_score(list(map(to_nfc, hypotheses)), streams)
    return Score(result.score, str(metric.get_signature()))


def bleu_metric(tokenize: str, *, lowercase: bool = False) -> BLEU:
    """sacreBLEU's BLEU; SettingsError for a tokenization that is unknown or not to be had here."""
    if tokenize not in TOKENIZATIONS:
        there = ", ".join(TOKENIZATIONS)
        raise SettingsError(f"there is no tokenization {tokenize!r} for BLEU; there are {there}")
    try:
        return BLEU(tokenize=tokenize, lowercase=lowercase)
    except (RuntimeError, ImportError, OSError) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"tokenization {tokenize} can't be used here: {reason}") from error


def check_lengths(hypotheses: int, references: int) -> None:
    """Raises DataError unless every hypothesis has its reference: sacreBLEU cuts in silence."""
    if hypotheses != references:
        raise DataError(
            f"{hypotheses:,} translations but {references:,} references: they must be line-aligned"
        )
    if not hypotheses:
        raise DataError("there is nothing to score: no translation and no reference")


def reference_streams(
    references: Sequence[Sequence[str]] | Sequence[str],
) -> list[list[str | None]]:
    """References by sentence -> sacreBLEU's streams, which all have one entry for each sentence.

    Raises:
        DataError: a sentence has no reference, or one string stands where a list should.
    """
    if isinstance(references, str):
        raise DataError("references is one string: give a list with an entry for each sentence")
    lists = [[entry] if isinstance(entry, str) else list(entry) for entry in references]
    for number, entry in enumerate(lists, start=1):
        if not entry:
            raise DataError(f"sentence {number:,} has no reference")
    most = max(len(entry) for entry in lists)
    return [
        [entry[number] if number < len(entry) else None for entry in lists]
        for number in range(most)
    ]


def sentence_utility(name: Literal["chrf", "bleu"]) -> Callable[[str, str], float]:
    """Sentence-level chrF (Popović 2015) or BLEU (Papineni et al. 2002) of sacreBLEU.

    BLEU counts n-grams up to the length of the sentence (effective order), so that short sentences
    don't all score 0.

    Returns:
        A function of a sentence and the one that is its reference, from 0 to 100; for equal
        sentences it is 100, empty ones included.
    """
    metric = CHRF() if name == "chrf" else BLEU(effective_order=True)

    def utility(hypothesis: str, reference: str) -> float:
        if hypothesis == reference:
            return 100.0
        return float(metric.sentence_score(hypothesis, [reference]).score)

    return utility
