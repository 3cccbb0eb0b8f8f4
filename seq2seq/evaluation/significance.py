"""Whether one system is better than another by more than chance: paired tests of sacreBLEU."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from sacrebleu.significance import PairedTest

from seq2seq.errors import SettingsError
from seq2seq.evaluation.metrics import (
    METRICS,
    References,
    check_lengths,
    reference_lists,
    reference_streams,
)

SEED = 12345
"""sacreBLEU's own seed: with it, its command line gives the same numbers."""

MIN_SENTENCES = 100
"""With fewer sentences a test is not to be trusted."""

SAMPLES = {"bootstrap": 1_000, "randomization": 10_000}
"""How often to draw, where a call does not say: sacreBLEU's own numbers."""


class FewSentencesWarning(UserWarning):
    """A test was made on so few sentences that its p-values mean nothing."""


class SystemScore(NamedTuple):
    """One system's score by one metric.

    Attributes:
        score: on the whole text, 0 to 100; for TER lower is better.
        mean: of the scores of the bootstrap's resampled texts.
        interval: half the width of their 95% confidence interval: mean ± interval.
        p_value: how probable so large a difference from the baseline is if the two systems are
            equally good; None for the baseline itself.
    """

    score: float
    mean: float
    interval: float
    p_value: float | None


class Comparison(NamedTuple):
    """All systems by one metric.

    Attributes:
        signature: sacreBLEU's, with the seed and the number of resamples.
        systems: each system's name and score, the baseline first.
    """

    signature: str
    systems: dict[str, SystemScore]

    def as_dict(self) -> dict[str, object]:
        """Returns a table of tables, as JSON has it."""
        systems = {name: score._asdict() for name, score in self.systems.items()}
        return {"signature": self.signature, "systems": systems}


def compare(
    systems: Mapping[str, Sequence[str]],
    references: References,
    *,
    test: Literal["bootstrap", "randomization"] = "bootstrap",
    samples: int | None = None,
    seed: int = SEED,
    tokenize: str = "13a",
    lowercase: bool = False,
) -> dict[str, Comparison]:
    """Tests every system against the first one, sentence by sentence in pairs.

    Paired bootstrap resampling (Koehn 2004) draws as many sentences as there are, with
    replacement, and scores both systems on what was drawn; paired approximate randomization
    (Riezler & Maxwell 2005) exchanges the two systems' translations of randomly chosen sentences.
    Both are sacreBLEU's, and two-sided. sacreBLEU counts draws with a larger difference than the
    real one, so for two systems of the same score it would find a small p; here it is 1, because
    no draw has a smaller difference than none. Where few sentences differ, randomization's p is
    never below `least_p_value`.

    Args:
        systems: at least two names, each with detokenized translations; the first is the baseline.
        test: which of the two; confidence intervals come from the bootstrap in either case.
        samples: how often to draw; None is 1,000 for the bootstrap, 10,000 for randomization.
        seed: from 1 on; the same seed gives the same numbers.
        tokenize, lowercase: as for `evaluate`.

    Returns:
        A comparison for each key of `METRICS`, as ``found["bleu"]``.

    Raises:
        DataError: a system has not as many translations as there are references.
        SettingsError: fewer than two systems; an impossible test, number of samples, seed or
            tokenization.
    """
    if len(systems) < 2:
        raise SettingsError(f"a comparison needs at least two systems, not {len(systems)}")
    check_resampling(test, samples, seed)
    for hypotheses in systems.values():
        check_lengths(len(hypotheses), len(references))
    if len(references) < MIN_SENTENCES:
        warnings.warn(
            f"{len(references):,} sentences are too few for a test: do not trust the p-values",
            FewSentencesWarning,
            stacklevel=2,
        )
    streams = reference_streams(reference_lists(references))
    found = {}
    for name, metric in METRICS.items():
        # One metric at a time, since sacreBLEU names the results itself; the draws are the same.
        with sacrebleu_seed(seed):
            built = metric.build(tokenize, lowercase)
            signature, results = paired_test(systems, streams, built, test, samples)
        found[name] = Comparison(signature, judge(systems, results, test))
    return found


def paired_test(
    systems: Mapping[str, Sequence[str]],
    streams: Sequence[Any],
    metric: Any,
    test: str,
    samples: int | None,
) -> tuple[str, Sequence[Any]]:
    """Returns the signature of sacreBLEU's test by one metric, and a result for each system."""
    signatures, results = PairedTest(
        [(system, list(hypotheses)) for system, hypotheses in systems.items()],
        {"metric": metric},
        streams,
        test_type="bs" if test == "bootstrap" else "ar",
        n_samples=samples or SAMPLES[test],
        # The bootstrap's tables grow with the number of resamples; 1,000 are enough.
        n_ar_confidence=-1 if test == "bootstrap" else SAMPLES["bootstrap"],
        n_jobs=1,
    )()
    ((column, signature),) = signatures.items()
    return str(signature), results[column]


def judge(
    systems: Mapping[str, Sequence[str]], results: Sequence[Any], test: str
) -> dict[str, SystemScore]:
    """Returns each system's score by one metric, with a p-value that ties can't make small."""
    first, *_ = systems.values()
    scores = {}
    for (name, hypotheses), result in zip(systems.items(), results, strict=True):
        p_value = result.p_value
        if p_value is not None:
            least = least_p_value(first, hypotheses) if test == "randomization" else 0.0
            p_value = 1.0 if result.score == results[0].score else max(float(p_value), least)
        score, mean, interval = map(float, (result.score, result.mean, result.ci))
        scores[name] = SystemScore(score, mean, interval, p_value)
    return scores


def least_p_value(first: Sequence[str], other: Sequence[str]) -> float:
    """Returns the least p-value of approximate randomization for these two systems.

    Of the 2^k exchanges of the k sentences whose translations differ, at least two have the real
    difference: all of them, and none. sacreBLEU counts only larger differences than that.
    """
    differing = sum(one != two for one, two in zip(first, other, strict=True))
    return min(1.0, 2.0 ** (1 - differing))


def check_resampling(test: str, samples: int | None, seed: int) -> None:
    """Raises SettingsError for a test, a number of samples or a seed that can't be."""
    if test not in SAMPLES:
        raise SettingsError(f"there is no test {test!r}; there are {', '.join(SAMPLES)}")
    if samples is not None and samples < 1:
        raise SettingsError(f"samples is {samples}: it must be at least 1")
    if seed < 1:  # sacreBLEU takes 0 for no seed at all
        raise SettingsError(f"seed is {seed}: it must be at least 1")


@contextmanager
def sacrebleu_seed(seed: int) -> Iterator[None]:
    """Sets sacreBLEU's seed, which it reads from the environment only, and puts it back."""
    before = os.environ.get("SACREBLEU_SEED")
    os.environ["SACREBLEU_SEED"] = str(seed)
    try:
        yield
    finally:
        del os.environ["SACREBLEU_SEED"]
        if before is not None:
            os.environ["SACREBLEU_SEED"] = before
