"""How the sources of a training text are disturbed, anew in each epoch."""

from __future__ import annotations

from dataclasses import dataclass

from seq2seq.config.fields import Fraction, NonNegativeFloat, NonNegativeInt, Probability


@dataclass(frozen=True)
class NoiseSettings:
    """Noise on the source side of training text, drawn anew in each epoch; validation has none.

    A word is what stands between spaces, or a single Chinese or Japanese character. Special
    symbols stay as they are, and in their places.

    For back-translated text, drop 0.1, blank 0.1 and shuffle 3 are the noise of Edunov et al.
    (2018). Typos make a model bear those of its users (Belinkov & Bisk 2018; Karpukhin et al.
    2019); for that it needs pieces or characters, since a misspelt word is an unknown word.
    """

    drop: Fraction = 0.0
    """The probability that a word of the source is left out; one stays."""
    blank: Fraction = 0.0
    """The probability that a source token becomes <unk>."""
    shuffle: NonNegativeInt = 0
    """The words of the source are shuffled, none by more than so many places (Lample et al. 2018).
    0: they stay in order."""
    typos: Probability = 0.0
    """The probability that a word of the source has a typo: a letter is left out, put in, replaced
    or exchanged with the next. New letters come as often as in the text."""
    lowercase: Probability = 0.0
    """The probability that a source is in lower case."""
    punctuation: Probability = 0.0
    """The probability that a source lacks the punctuation at its end."""
    switch_out: NonNegativeFloat = 0.0
    """SwitchOut (Wang et al. 2018) on the source, at this temperature τ: n of its tokens become
    other ones of the vocabulary, with a probability proportional to exp(-n / τ). 0: off."""
