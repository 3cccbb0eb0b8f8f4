"""A tokenizer and its vocabulary for more text than they were made from.

The old tokens keep their ids; new ones come after them. Text that has no new character is cut as
before. So SentencePiece gets the new characters, and those pieces, learnt from the new text alone,
that have one of them: pieces of known characters would cut the old text, too, in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from seq2seq.config.data import DataSettings
from seq2seq.data.tokenizers.base import Tokenizer
from seq2seq.data.tokenizers.pipeline import EncodedText, TextPipeline
from seq2seq.data.tokenizers.rule_based import RuleBasedTokenizer
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer, TooFewPiecesError
from seq2seq.data.tokenizers.sentencepiece_proto import read_piece_model, with_mark, with_pieces
from seq2seq.data.vocabulary import SPECIAL_TOKENS, count_tokens


def extend_pipeline(
    pipeline: TextPipeline, texts: Sequence[str], settings: DataSettings
) -> EncodedText:
    """Returns a pipeline that has tokens for what is new in these texts, too; and their ids.

    Args:
        pipeline: that of the old text.
        texts: the new text.
        settings: `vocab_size` is how many words or characters may be new, `min_frequency` how often
            each comes at least, and `character_coverage` how many characters of SentencePiece are;
            `symbols` has more than those of the old text, if any.
    """
    vocab = pipeline.vocab
    tokenizer = with_symbols(pipeline.tokenizer, settings.symbols)
    if isinstance(tokenizer, SentencePieceTokenizer):
        tokenizer = extend_pieces(tokenizer, texts, settings.character_coverage)
    tokens = tokenizer.tokenize_all(texts)
    counts = count_tokens(tokens)
    if tokenizer.pieces:
        new = [piece for piece in tokenizer.pieces if piece not in vocab]
    else:
        reserved = [token for token in tokenizer.reserved if token not in vocab]
        unknown = counts.keys() - {*vocab, *reserved}
        often = [token for token in unknown if counts[token] >= settings.min_frequency]
        often.sort(key=lambda token: (-counts[token], token))
        new = [*reserved, *often[: settings.vocab_size]]
    vocab = vocab.with_more({token: counts[token] for token in new})
    return EncodedText(TextPipeline(tokenizer, vocab), [vocab.ids(each) for each in tokens])


def with_symbols(tokenizer: Tokenizer, symbols: Sequence[str]) -> Tokenizer:
    """Returns a tokenizer that keeps more symbols whole, after those that it has."""
    old = tokenizer.special_symbols
    more = (*old, *(symbol for symbol in symbols if symbol not in old))
    if isinstance(tokenizer, SentencePieceTokenizer) and more != old:
        model = tokenizer.model_proto if old else with_mark(tokenizer.model_proto)
        return SentencePieceTokenizer(model, tokenizer.alpha, tokenizer.lowercase, more)
    if isinstance(tokenizer, RuleBasedTokenizer) and more != old:
        return type(tokenizer)(tokenizer.lowercase, more)
    return tokenizer


def extend_pieces(
    tokenizer: SentencePieceTokenizer, texts: Sequence[str], character_coverage: float
) -> SentencePieceTokenizer:
    """Returns a tokenizer with pieces for the characters that are new in these texts."""
    pieces = tokenizer.pieces or []
    if {token for each in tokenizer.tokenize_all(texts) for token in each} <= {*pieces}:
        return tokenizer
    kind, scores = read_piece_model(tokenizer.model_proto)
    learn = partial(
        SentencePieceTokenizer.train,
        texts,
        kind=kind,
        lowercase=tokenizer.lowercase,
        character_coverage=character_coverage,
        special_symbols=tokenizer.special_symbols,
    )
    try:
        learnt = learn(vocab_size=len(SPECIAL_TOKENS) + len(pieces))
    except TooFewPiecesError as error:
        learnt = learn(vocab_size=error.needed)
    known = set("".join(scores))
    # BPE's scores are the order of its merges: new ones come after all the old ones.
    below = min(scores.values()) - 1 if kind == "bpe" else 0.0
    new = {
        piece: score + below
        for piece, score in read_piece_model(learnt.model_proto).scores.items()
        if not known.issuperset(piece)
    }
    model = with_pieces(tokenizer.model_proto, new)
    symbols = tokenizer.special_symbols
    return SentencePieceTokenizer(model, tokenizer.alpha, tokenizer.lowercase, symbols)
