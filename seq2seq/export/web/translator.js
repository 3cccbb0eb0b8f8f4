"use strict";
// Text -> candidates: tokenizer and vocabulary of both sides around the model.

const TOKENIZERS = {
  word: wordTokenizer,
  character: characterTokenizer,
  space: spaceTokenizer,
  sentencepiece: sentencePieceTokenizer,
};

const tokenize = (tokenizer, text) => TOKENIZERS[tokenizer.kind].cut(tokenizer, normalizeFor(tokenizer, text));
const detokenize = (tokenizer, tokens) => TOKENIZERS[tokenizer.kind].join(tokenizer, tokens);

/** Returns the ids of tokens, that of <unk> for those that are not in the vocabulary. */
function idsOf(side, tokens) {
  side.ids ??= new Map(side.vocabulary.map((token, id) => [token, id]));
  return tokens.map((token) => side.ids.get(token) ?? UNK);
}

/** Translates a sentence: the candidates, best first, and how they were found. One that is too long is cut. */
function translate(model, text, beamSize) {
  const { source, target, decoding } = model;
  const all = tokenize(source.tokenizer, text);
  const tokens = all.slice(0, decoding.max_source_length);
  const isCut = tokens.length < all.length;
  if (!tokens.length) return { sourceTokens: [], isCut, candidates: [], search: null };
  const search = beamSearch(model, idsOf(source, tokens), decoding, beamSize);
  const candidates = search.hypotheses.map((found) => {
    const names = found.tokens.map((id) => target.vocabulary[id]);
    return { ...found, names, text: detokenize(target.tokenizer, names) };
  });
  return { sourceTokens: tokens, isCut, candidates, search };
}
