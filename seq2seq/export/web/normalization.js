"use strict";
// The one form that every text takes before it is tokenized, and the characters with a meaning.
// Compare seq2seq/data/tokenizers/normalization.py and special_symbols.py.

const [JOINER, SPACE, ESCAPE] = ["\uffed", "\u2581", "\u241b"];
const UNKNOWN_TEXT = "\u2047";
/** Stands in a text for any special symbol while it is cut; no normalized text has it. */
const MARK = "\x1f";
const ESCAPES = { [ESCAPE]: ESCAPE + "e", [JOINER]: ESCAPE + "j", [SPACE]: ESCAPE + "s" };
const EMPTY_MARK = ESCAPE + "n";
const UNESCAPES = { [ESCAPE + "e"]: ESCAPE, [ESCAPE + "j"]: JOINER, [ESCAPE + "s"]: SPACE, [EMPTY_MARK]: "" };
/** What Python's str.split takes for white space; JavaScript's \s is another set. */
const WHITE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const WHITE_RUNS = new RegExp(`[${WHITE}]+`, "u");
const PAD_TOKEN = "<pad>", UNK_TOKEN = "<unk>", BOS_TOKEN = "<bos>", EOS_TOKEN = "<eos>";
const [PAD, UNK, BOS, EOS] = [0, 1, 2, 3];

/** Returns the words of a text, as Python's str.split. */
const splitWords = (text) => text.split(WHITE_RUNS).filter((word) => word);

/** NFC, each run of white space one space, none at the ends; white space may be kept. */
function normalize(text, keepWhiteSpace = false) {
  const composed = text.replace(/\p{Surrogate}/gu, "\ufffd").normalize("NFC");
  return keepWhiteSpace ? composed.replaceAll("\n", " ") : splitWords(composed).join(" ");
}

/** The same for a tokenizer; in lower case where that is asked for, but for special symbols. */
function normalizeFor(tokenizer, text) {
  const normal = normalize(text, tokenizer.keep_white_space);
  if (!tokenizer.lowercase) return normal;
  const lower = (part, number) => (number % 2 ? part : part.toLowerCase().normalize("NFC"));
  return splitSymbols(tokenizer, normal).map(lower).join("");
}

/** Returns the parts of a normalized text: the 2nd, 4th, … are special symbols. */
function splitSymbols(tokenizer, text) {
  if (!tokenizer.special_symbols.length) return [text];
  const longestFirst = [...tokenizer.special_symbols].sort((one, other) => other.length - one.length);
  const escaped = longestFirst.map((symbol) => symbol.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return text.split(new RegExp(`(${escaped.join("|")})`, "u"));
}

/** Returns a text with MARK for each special symbol, and the symbols in order. */
function markSymbols(tokenizer, text) {
  const parts = splitSymbols(tokenizer, text);
  const every = (odd) => parts.filter((_, number) => number % 2 === odd);
  return { marked: every(0).join(MARK), symbols: every(1) };
}

const escapeText = (text) => text.replace(/[\uffed\u2581\u241b]/g, (character) => ESCAPES[character]);
const unescapeText = (text) => text.replace(/\u241b[ejsn]/g, (code) => UNESCAPES[code]);

/** Returns the tokens that are seen in text: no pad, bos and eos. */
function visibleTokens(tokens, unknown = UNKNOWN_TEXT) {
  const silent = [PAD_TOKEN, BOS_TOKEN, EOS_TOKEN];
  return tokens.filter((token) => !silent.includes(token)).map((token) => (token === UNK_TOKEN ? unknown : token));
}
