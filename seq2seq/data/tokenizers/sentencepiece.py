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
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, groupby
from pathlib import Path
from typing import Any, ClassVar

import sentencepiece

from seq2seq.config.data import MIN_COVERAGE
from seq2seq.data.tokenizers.normalization import (
    EMPTY_MARK,
    JOINER,
    NORMAL_FORM,
    SPACE,
    escape,
    unescape,
    visible_tokens,
)
from seq2seq.data.tokenizers.sentencepiece_proto import read_piece_model
from seq2seq.data.tokenizers.special_symbols import MARK, SpecialSymbols
from seq2seq.data.tokenizers.subword_regularization import BpeSampler, UnigramSampler
from seq2seq.data.vocabulary import BOS, EOS, PAD, SPECIAL_TOKENS, UNK
from seq2seq.errors import DataError, SettingsError

MAX_TRAINING_TEXTS = 1_000_000
MAX_ALPHA = 1_000_000

MANY_LINES = 64
"""From so many lines on SentencePiece's threads save more time than it takes to begin them."""

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


class TooFewPiecesError(SettingsError):
    """A vocabulary is too small for the characters of its text.

    Attributes:
        needed: how many tokens it needs at least.
        coverage: the `character_coverage` that fits its size, with room for some pieces; None if
            SentencePiece takes none so low.
    """

    def __init__(self, vocab_size: int, needed: int, coverage: float | None) -> None:
        lower = f", or lower character_coverage to {coverage}" if coverage else ""
        super().__init__(
            f"vocab_size is {vocab_size}, but the texts have so many different characters that "
            f"{needed} tokens are needed for them alone; raise vocab_size{lower}"
        )
        self.needed, self.coverage = needed, coverage


def seed_sampling(seed: int) -> None:
    """Seeds all later sampling of this process, which then is the same on any machine."""
    _generator.seed(seed)


class SentencePieceTokenizer:
    """A SentencePiece model, unigram or BPE, with the pieces that it learnt.

    A piece begins with "▁" where a space stands before it (or the text begins). Characters that
    were not seen in training stand as they are among the tokens, without an id in the vocabulary.
    A special symbol is a token by itself, after a space or the beginning; where neither stands
    before it, a joiner "￭" does. SentencePiece sees a `MARK` in its place.
    """

    kind: ClassVar[str] = "sentencepiece"
    can_sample: ClassVar[bool] = True

    def __init__(
        self,
        model_proto: bytes,
        alpha: float = 0.1,
        lowercase: bool = False,
        special_symbols: Sequence[str] = (),
    ) -> None:
        """Takes a model that is trained already.

        Args:
            model_proto: the serialized model; see `train`.
            alpha: how freely sampling chooses: for unigram, the power that probabilities are
                raised to (0: all segmentations are equally likely; large: the best one); for BPE,
                the probability of leaving out a merge.
            lowercase: whether texts are lower-cased.
            special_symbols: what stays whole; those that the model was trained with.

        Raises:
            DataError: `model_proto` is no SentencePiece model, or not one as `train` makes (see
                `sentencepiece_proto.py`), or it was trained without special symbols.
            SettingsError: `alpha` is negative or very large, or a symbol is impossible.
        """
        if not 0 <= alpha <= MAX_ALPHA:
            raise SettingsError(f"alpha must be at least 0 and at most {MAX_ALPHA:,}")
        self.model_proto, self.alpha, self.lowercase = model_proto, alpha, lowercase
        self.algorithm, self.scores = read_piece_model(model_proto)
        try:
            self._processor = sentencepiece.SentencePieceProcessor(model_proto=model_proto)
        except RuntimeError as error:
            raise DataError(f"not a SentencePiece model: {error}") from error
        self.symbols = SpecialSymbols(special_symbols)
        if bool(self.symbols.names) != (MARK in self.scores):
            raise DataError("its special symbols are not those that its model was trained with")
        learnt = [piece for piece in self.scores if piece != MARK]  # in the order of the model
        self.pieces: list[str] | None = [*self.reserved, *learnt]
        self._characters = {piece for piece in self.scores if len(piece) == 1}
        self._sampler: UnigramSampler | BpeSampler | None = None  # made when needed

    @property
    def special_symbols(self) -> tuple[str, ...]:
        """The symbols that stay whole."""
        return self.symbols.names

    @property
    def reserved(self) -> tuple[str, ...]:
        """The tokens that have an id in every vocabulary: symbols, and what joins them."""
        return self.symbols.with_joiner

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        kind: str,
        vocab_size: int,
        lowercase: bool = False,
        character_coverage: float = 1.0,
        special_symbols: Sequence[str] = (),
        seed: int = 1,
        alpha: float = 0.1,
    ) -> SentencePieceTokenizer:
        """Learns a model from texts in any order; of more than a million, from a random million.

        Args:
            kind: "unigram" or "bpe".
            vocab_size: how many tokens there are to be, the four specials, the symbols and their
                joiner counted; there are fewer if the texts give no more.
            lowercase: whether texts are lower-cased, but for the symbols.
            character_coverage: the share of all characters in `texts` that get a piece: 1.0 for
                alphabets, 0.9995 for Chinese or Japanese.
            special_symbols: what stays whole; no piece goes over one.
            seed: draws the million, and the order.

        Raises:
            DataError: there is no text.
            SettingsError: `character_coverage` is not in [0.98, 1], or a symbol is impossible.
            TooFewPiecesError: `vocab_size` leaves no room for all characters.
        """
        if not MIN_COVERAGE <= character_coverage <= 1:
            raise SettingsError(
                f"character_coverage is {character_coverage}; it must be in [{MIN_COVERAGE}, 1]"
            )
        symbols = SpecialSymbols(special_symbols)
        prepared = (prepare(text, symbols, lowercase)[0] for text in texts)
        lines = [_ENDLESS.sub(r"\g<0> ", line) for line in prepared if line.strip()]
        if not lines:
            raise DataError("there is no text to train a tokenizer on: all lines are empty")
        # In random order: a text that comes twice would be one long repeat, and the search for the
        # first pieces takes the square of its length (github.com/google/sentencepiece/issues/641).
        lines = random.Random(seed).sample(lines, min(len(lines), MAX_TRAINING_TEXTS))
        model = io.BytesIO()
        try:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines),
                model_writer=model,
                model_type=kind,
                # The mark's place is the joiner's in the vocabulary.
                vocab_size=max(vocab_size - len(symbols.names), 1),
                character_coverage=character_coverage,
                user_defined_symbols=[MARK] if symbols.names else [],
                **_TRAINING,
            )
        except RuntimeError as error:
            raise _training_error(error, vocab_size, len(symbols.names), lines) from error
        return cls(model.getvalue(), alpha, lowercase, symbols.names)

    def normalize(self, text: str) -> str:
        """Returns the form of `text` that comes back from its tokens."""
        return self.symbols.normalize(text, lowercase=self.lowercase)

    def tokenize(self, text: str, *, sample: bool = False) -> list[str]:
        """Returns the pieces of `text`: the likeliest ones, or with `sample` drawn at random."""
        return self.tokenize_all([text], sample=sample)[0]

    def tokenize_all(self, texts: Sequence[str], *, sample: bool = False) -> list[list[str]]:
        """Returns the pieces of each text: the likeliest ones, or with `sample` drawn at random."""
        prepared = [prepare(text, self.symbols, self.lowercase) for text in texts]
        lines = [line for line, _ in prepared]
        if sample:
            found = [self._draw(line) for line in lines]
        elif len(lines) < MANY_LINES:
            found = [self._processor.encode(line, out_type=str) for line in lines]
        else:
            found = self._processor.encode(lines, out_type=str)
        if not self.symbols.names:
            return found
        return [
            insert_symbols(pieces, symbols)
            for pieces, (_, symbols) in zip(found, prepared, strict=True)
        ]

    def _draw(self, line: str) -> list[str]:
        """Returns a random segmentation; no piece goes over a space, so each word has its own."""
        if self._sampler is None or self._sampler.alpha != self.alpha:
            sampler = BpeSampler if self.algorithm == "bpe" else UnigramSampler
            self._sampler = sampler(self.scores, self.alpha)
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
        """Joins the pieces; "▁" becomes a space, and so does a symbol's border without a joiner."""
        visible = visible_tokens(tokens)
        if not self.symbols.names:
            return unescape(" ".join("".join(visible).replace(SPACE, " ").split()))
        parts: list[str] = []
        run, before = "", ""
        for token in visible:
            if token in self.symbols:
                parts += [unescape(run.replace(SPACE, " ")), " " * (before != JOINER), token]
                run = ""
            elif token != JOINER:
                run += token
            before = token
        return " ".join("".join([*parts, unescape(run.replace(SPACE, " "))]).split())

    def save(self, path: Path) -> None:
        """Writes the model and its settings to `path` as JSON, the model in Base64."""
        content = {
            "kind": self.kind,
            "alpha": self.alpha,
            "lowercase": self.lowercase,
            "normalization": NORMAL_FORM,
            **self.symbols.to_json(),
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
        return cls(proto, alpha, content["lowercase"], SpecialSymbols.from_json(content).names)


def prepare(text: str, symbols: SpecialSymbols, lowercase: bool) -> tuple[str, list[str]]:
    """Returns a text as SentencePiece gets it, and the symbols that its marks stand for."""
    normalized = symbols.normalize(text, lowercase=lowercase)
    marked, found = symbols.mark(normalized) if symbols.names else (normalized, [])
    marked = escape(marked)
    # Every `<name>` is parted: neither a piece nor an unknown run can be a special token.
    return _NAME.sub("<" + EMPTY_MARK, marked) if "<" in marked else marked, found


def insert_symbols(pieces: Sequence[str], symbols: Sequence[str]) -> list[str]:
    """Returns pieces with the symbols in the places of their marks, joined where no space was."""
    left = iter(symbols)
    tokens: list[str] = []
    for piece in pieces:
        if piece != MARK:
            tokens.append(piece)
        elif tokens and tokens[-1] == SPACE:
            tokens[-1] = next(left)
        else:
            tokens += [JOINER, next(left)]
    return tokens


def _training_error(
    error: RuntimeError, vocab_size: int, symbols: int, lines: Sequence[str]
) -> Exception:
    """Returns the error that says in our words why SentencePiece could not train."""
    if needed := re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error)):
        room = vocab_size - symbols - len(SPECIAL_TOKENS)
        coverage = _coverage_that_fits(lines, room * 9 // 10)
        return TooFewPiecesError(vocab_size, int(needed[1]) + symbols, coverage)
    return DataError(
        f"SentencePiece can't train on these texts: {error}; is there a line that is no sentence? "
        f"The longest has {max(map(len, lines)):,} characters"
    )


def _coverage_that_fits(lines: Sequence[str], room: int) -> float | None:
    """Returns the share of all characters that the so many most frequent are, rounded down."""
    counts = Counter(chain.from_iterable(lines))
    frequent = sum(count for _, count in counts.most_common(max(room, 0)))
    coverage = min(0.9995, int(10_000 * frequent / counts.total()) / 10_000)
    return coverage if coverage >= MIN_COVERAGE else None
