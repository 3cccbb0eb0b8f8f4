"""Translations -> scores, through sacreBLEU, never without their signatures.

Translations come out in Unicode's form NFC, so references are brought into it, too: sacreBLEU
would find no word with an accent in references of the form NFD. For text in NFC, it is the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, get_args

from seq2seq.config.experiment import Tokenization
from seq2seq.config.wording import counted
from seq2seq.data.tokenizers.normalization import to_nfc
from seq2seq.errors import DataError, SettingsError

if TYPE_CHECKING:
    from sacrebleu.metrics import BLEU, CHRF, TER
    from sacrebleu.metrics.base import Metric as SacreMetric

    from seq2seq.evaluation.sentence_metric import SentenceMetric

References: TypeAlias = Sequence[Sequence[str]] | Sequence[str]
"""For each sentence its reference, or all its references; an empty one beside others is none."""


class EmptyReferenceWarning(UserWarning):
    """The only reference of a sentence is empty, and is what its translation is compared with."""


class Score(NamedTuple):
    """A number and how it was computed.

    Attributes:
        score: 0 to 100, but for metrics of another scale; for TER lower is better, and it can be
            above 100.
        signature: sacreBLEU's, which says everything that changes the number.
    """

    score: float
    signature: str

    def __str__(self) -> str:
        return f"{self.score:.2f}  {self.signature}"


class Metric(NamedTuple):
    """A metric that translations are scored by.

    What the tests demand of each: a translation that equals its reference scores 100, or 0 if lower
    is better; where case is ignored, so does one that differs in case alone; and the signature says
    so, with "case:lc" or "case:mixed". sacreBLEU's metrics and `SentenceMetric` have such a
    signature by themselves.

    Attributes:
        title: its name in tables.
        build: makes one of sacreBLEU's metrics, or a `SentenceMetric`, from the tokenization for
            BLEU and whether case is ignored.
        higher_is_better: whether the best translations have the highest score, or the lowest.
    """

    title: str
    build: Callable[[str, bool], SacreMetric | SentenceMetric]
    higher_is_better: bool = True


def evaluate(
    hypotheses: Sequence[str],
    references: References,
    *,
    tokenize: str = "13a",
    lowercase: bool = False,
) -> dict[str, Score]:
    """Scores detokenized translations by every metric of `METRICS`.

    Args:
        tokenize: sacreBLEU's tokenization for BLEU: "13a", "zh", "char", "none", …
        lowercase: ignore case, in all metrics.

    Returns:
        A score for each key of `METRICS`, as ``scores["bleu"]``.

    Raises:
        DataError: the numbers of hypotheses and references differ, there are none, or a sentence
            has no reference.
        SettingsError: a tokenization that is unknown or not to be had here.
    """
    built = {name: metric.build(tokenize, lowercase) for name, metric in METRICS.items()}
    check_lengths(len(hypotheses), len(references))
    lists = reference_lists(references)
    return {name: corpus_score(metric, hypotheses, lists) for name, metric in built.items()}


def bleu(
    hypotheses: Sequence[str],
    references: References,
    *,
    tokenize: str = "13a",
    lowercase: bool = False,
) -> Score:
    """Returns BLEU alone; arguments and errors as for `evaluate`."""
    return score(bleu_metric(tokenize, lowercase), hypotheses, references)


def score(
    metric: SacreMetric | SentenceMetric,
    hypotheses: Sequence[str],
    references: References,
) -> Score:
    """Returns the score by a metric, after a check of its inputs."""
    check_lengths(len(hypotheses), len(references))
    return corpus_score(metric, hypotheses, reference_lists(references))


def corpus_score(
    metric: SacreMetric | SentenceMetric,
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
) -> Score:
    """Returns the score of hypotheses with what `reference_lists` made of their references."""
    streams = reference_streams([list(map(to_nfc, entry)) for entry in references])
    result = metric.corpus_score(list(map(to_nfc, hypotheses)), streams)
    return Score(result.score, str(metric.get_signature()))


def bleu_metric(tokenize: str, lowercase: bool = False, *, effective_order: bool = False) -> BLEU:
    """Returns BLEU (Papineni et al. 2002).

    With `effective_order` it counts n-grams up to the length of the sentence, so that short
    sentences don't all score 0: for single sentences.

    Raises:
        SettingsError: the tokenization is unknown or not to be had here.
    """
    from sacrebleu.metrics import BLEU

    known = get_args(Tokenization)
    if tokenize not in known:
        there = ", ".join(known)
        raise SettingsError(f"there is no tokenization {tokenize!r} for BLEU; there are {there}")
    try:
        return BLEU(tokenize=tokenize, lowercase=lowercase, effective_order=effective_order)
    except (RuntimeError, ImportError, OSError) as error:
        reason = " ".join(str(error).split())
        raise SettingsError(f"tokenization {tokenize} can't be used here: {reason}") from error


def has_no_ngrams(references: Sequence[str], *, tokenize: str = "13a") -> bool:
    """Whether no reference has the four words in a row that BLEU counts: it is 0, or by chance."""
    metric = bleu_metric(tokenize)
    return all(len(metric.tokenizer(text).split()) < metric.max_ngram_order for text in references)


def chrf_metric(tokenize: str, lowercase: bool) -> CHRF:
    """Returns chrF (Popović 2015), which needs no tokenization."""
    from sacrebleu.metrics import CHRF

    return CHRF(lowercase=lowercase)


def ter_metric(tokenize: str, lowercase: bool) -> TER:
    """Returns TER (Snover et al. 2006), which has a tokenization of its own."""
    from sacrebleu.metrics import TER

    return TER(case_sensitive=not lowercase)


METRICS: dict[str, Metric] = {
    "bleu": Metric("BLEU", bleu_metric),
    "chrf": Metric("chrF", chrf_metric),
    "ter": Metric("TER", ter_metric, higher_is_better=False),
}
"""What `evaluate` and `seq2seq.evaluation.significance.compare` score by."""


def check_lengths(hypotheses: int, references: int) -> None:
    """Raises DataError unless every hypothesis has its reference: sacreBLEU cuts in silence."""
    if hypotheses != references:
        raise DataError(
            f"{counted(hypotheses, 'translation')} but {counted(references, 'reference')}: they "
            "must be line-aligned"
        )
    if not hypotheses:
        raise DataError("there is nothing to score: no translation and no reference")


def reference_lists(references: References) -> list[list[str]]:
    """Returns all references of each sentence, without the empty ones beside others.

    A file of references has an empty line where there is no other reference of a sentence. Scored
    as one, it would be the nearest in length to each translation that is too short. What is only
    white space is empty, too. Sentences without any other reference keep their empty ones, with an
    `EmptyReferenceWarning`.

    Raises:
        DataError: a sentence has no reference, or one string stands where a list should.
    """
    if isinstance(references, str):
        raise DataError("references is one string: give a list with an entry for each sentence")
    lists = [[entry] if isinstance(entry, str) else list(entry) for entry in references]
    for number, entry in enumerate(lists, start=1):
        if not entry:
            raise DataError(f"sentence {number:,} has no reference")
    filled = [[text for text in entry if text.strip()] for entry in lists]
    if empty := filled.count([]):
        warnings.warn(
            f"{empty:,} of {len(lists):,} sentences have an empty reference and no other: it "
            "counts, as one without words",
            EmptyReferenceWarning,
            stacklevel=3,
        )
    return [texts or entry for texts, entry in zip(filled, lists, strict=True)]


def reference_streams(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """References by sentence -> sacreBLEU's streams, which all have one entry for each sentence."""
    return [list(stream) for stream in zip_longest(*references)]


UTILITIES: dict[str, Callable[[], SacreMetric]] = {
    "chrf": partial(chrf_metric, "13a", lowercase=False),
    "bleu": partial(bleu_metric, "13a", effective_order=True),
}
"""What minimum Bayes risk decoding can compare by, by their names in `DecodingSettings.utility`."""


def sentence_utility(name: str) -> Callable[[str, str], float]:
    """Returns a metric of `UTILITIES` as a function of a sentence and its reference.

    It goes from 0 to 100; for equal sentences it is 100, empty ones included.
    """
    metric = UTILITIES[name]()

    def utility(hypothesis: str, reference: str) -> float:
        if hypothesis == reference:
            return 100.0
        return float(metric.sentence_score(hypothesis, [reference]).score)

    return utility
