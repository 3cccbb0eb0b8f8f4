"""Subword tokens that SentencePiece learns from text: unigram and BPE.

Unigram: Kudo 2018, arXiv:1804.10959. BPE: Sennrich et al. 2016, arXiv:1508.07909. Sampling is in
`subword_regularization.py`.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

import sentencepiece

from seq2seq.data.tokenizers.normalization import (
    EMPTY_MARK,
    NORMAL_FORM,
    SPACE,
    escape,
    normalize,
    unescape,
    visible_tokens,
)
from seq2seq.data.tokenizers.sentencepiece_proto import read_piece_model
from seq2seq.data.tokenizers.subword_regularization import BpeSampler, UnigramSampler
from seq2seq.data.vocabulary import BOS, EOS, PAD, UNK
from seq2seq.errors import DataError, SettingsError

MAX_TRAINING_TEXTS = 1_000_000
MAX_ALPHA = 1_000_000

_TRAINING: dict[str, Any] = {
    "pad_id": 0,
    "unk_id": 1,
    "bos_id": 2,
    "eos_id": 3,
    "pad_piece": PAD,
    "unk_piece": UNK,
    "bos_piece": BOS,
    "eos_piece": EOS,
    "normalization_rule_name": "identity",  # `normalize` does it
    "max_sentence_length": 2**30,  # longer lines would be left out in silence
    "hard_vocab_limit": False,  # texts too small for `vocab_size` pieces give fewer
    "num_threads": 2,  # a fixed number: sums, and so pieces, depend on it
    "minloglevel": 2,
}
_ENDLESS = re.compile(r"\S{500}(?=\S)")
"""A part of a word so long that unigram's sums over its segmentations fail, or take minutes."""
_NAME = re.compile(r"<(?=[^<>\s]+>)")

_generator = random.Random()


def seed_sampling(seed: int) -> None:
    """Seeds all later sampling of this process, which then is the same on any machine."""
    _generator.seed(seed)


class SentencePieceTokenizer:
    """A SentencePiece model, unigram or BPE, with the pieces that it learnt.

    A piece begins with "▁" where a space stands before it (or the text begins). Characters that
    were not seen in training stand as they are among the tokens, without an id in the vocabulary.
    """

    kind: ClassVar[str] = "sentencepiece"
    can_sample: ClassVar[bool] = True

    def __init__(self, model_proto: bytes, alpha: float = 0.1, lowercase: bool = False) -> None:
        """Takes a model that is trained already.

        Args:
            model_proto: the serialized model; see `train`.
            alpha: how freely sampling chooses: for unigram, the power that probabilities are
                raised to (0: all segmentations are equally likely; large: the best one); for BPE,
                the probability of leaving out a merge.

        Raises:
            DataError: `model_proto` is no SentencePiece model, or not one as `train` makes (see
                `sentencepiece_proto.py`).
            SettingsError: `alpha` is negative or very large.
        """
        if not 0 <= alpha <= MAX_ALPHA:
            raise SettingsError(f"alpha must be at least 0 and at most {MAX_ALPHA:,}")
        self.model_proto, self.alpha, self.lowercase = model_proto, alpha, lowercase
        self.algorithm, self._scores = read_piece_model(model_proto)
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model_proto)
        except RuntimeError as error:
            raise DataError(f"not a SentencePiece model: {error}") from error
        self.pieces: list[str] | None = list(self._scores)  # in the order of the model
        self._characters = {piece for piece in self._scores if len(piece) == 1}
        self._sampler: UnigramSampler | BpeSampler | None = None  # made when needed

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        kind: str,
        vocab_size: int,
        lowercase: bool = False,
        character_coverage: float = 1.0,
        seed: int = 1,
        alpha: float = 0.1,
    ) -> SentencePieceTokenizer:
        """Learns a model from texts; of more than a million, from a random million.

        Args:
            kind: "unigram" or "bpe".
            vocab_size: how many tokens there are to be, the four specials counted; there are fewer
                if the texts give no more.
            character_coverage: the share of all characters in `texts` that get a piece: 1.0 for
                alphabets, 0.9995 for Chinese or Japanese.
            seed: draws the million; otherwise nothing is random.

        Raises:
            DataError: there is no text.
            SettingsError: `vocab_size` leaves no room for all characters.
        """
        prepared = (cls._prepare(text, lowercase) for text in texts)
        lines = [_ENDLESS.sub(r"\g<0> ", line) for line in prepared if line]
        if not lines:
            raise DataError("there is no text to train a tokenizer on: all lines are empty")
        if len(lines) > MAX_TRAINING_TEXTS:
            lines = random.Random(seed).sample(lines, MAX_TRAINING_TEXTS)
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines),
                model_writer=model,
                model_type=kind,
                vocab_size=vocab_size,
                character_coverage=character_coverage,
                **_TRAINING,
            )
        except RuntimeError as error:
            raise _training_error(error, vocab_size, max(map(len, lines))) from error
        return cls(model.getvalue(), alpha, lowercase)

    @staticmethod
    def _prepare(text: str, lowercase: bool) -> str:
        text = escape(normalize(text, lowercase=lowercase))
        # Every `<name>` is parted: neither a piece nor an unknown run can be a special token.
        return _NAME.sub("<" + EMPTY_MARK, text) if "<" in text else text

    def tokenize(self, text: str, *, sample: bool = False) -> list[str]:
        """Returns the pieces of `text`: the likeliest ones, or with `sample` drawn at random."""
        return self.tokenize_all([text], sample=sample)[0]

    def tokenize_all(self, texts: Sequence[str], *, sample: bool = False) -> list[list[str]]:
        """Returns the pieces of each text: the likeliest ones, or with `sample` drawn at random."""
        lines = [self._prepare(text, self.lowercase) for text in texts]
        if sample:
            return [self._draw(line) for line in lines]
        found: list[list[str]] = self._processor.encode(lines, out_type=str)
        return found

    def _draw(self, line: str) -> list[str]:
        """Returns a random segmentation; no piece goes over a space, so each word has its own."""
        if self._sampler is None or self._sampler.alpha != self.alpha:
            sampler = BpeSampler if self.algorithm == "bpe" else UnigramSampler
            self._sampler = sampler(self._scores, self.alpha)
        draw, known = self._sampler.draw, self._characters
        pieces: list[str] = []
        for word in (SPACE + word for word in line.split(" ") if word):
            if known.issuperset(word):
                pieces += draw(word, _generator)
                continue
            for is_known, run in groupby(word, known.__contains__):
                text = "".join(run)
                pieces += draw(text, _generator) if is_known else [text]
        return pieces

    def detokenize(self, tokens: Sequence[str]) -> str:
        """Joins the pieces; "▁" becomes a space."""
        return unescape(" ".join("".join(visible_tokens(tokens)).replace(SPACE, " ").split()))

    def save(self, path: Path) -> None:
        """Writes the model and its settings to `path` as JSON, the model in Base64."""
        content = {
            "kind": self.kind,
            "alpha": self.alpha,
            "lowercase": self.lowercase,
            "normalization": NORMAL_FORM,
            "sha256": hashlib.sha256(self.model_proto).hexdigest(),
            "model": base64.b64encode(self.model_proto).decode("ascii"),
        }
        path.write_bytes((json.dumps(content) + "\n").encode("ascii"))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SentencePieceTokenizer:
        """Returns the tokenizer that `save` wrote; raises DataError for any other content."""
        model, alpha = content.get("model"), content.get("alpha")
        if not isinstance(model, str):
            raise DataError('"model" must be a string')
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)):
            raise DataError(f'"alpha" is {alpha!r}, which is not a number')
        try:
            proto = base64.b64decode(model, validate=True)
        except ValueError as error:
            raise DataError(f'"model" is not Base64 ({error})') from error
        if hashlib.sha256(proto).hexdigest() != content.get("sha256"):
            raise DataError('"model" does not have the SHA-256 that is written beside it')
        return cls(proto, alpha, content["lowercase"])


def _training_error(error: RuntimeError, vocab_size: int, longest: int) -> Exception:
    """Returns the error that says in our words why SentencePiece could not train."""
    if needed := re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error)):
        return SettingsError(
            f"vocab_size is {vocab_size}, but the texts have so many different characters that "
            f"{needed[1]} pieces are needed for them alone; raise vocab_size, or lower "
            f"character_coverage"
        )
    return DataError(
        f"SentencePiece can't train on these texts: {error}; is there a line that is no sentence? "
        f"The longest has {longest:,} characters"
    )
