"use strict";
// SentencePiece: unigram (Kudo 2018) and BPE (Sennrich et al. 2016). The pieces with their scores are
// those of the run. Compare seq2seq/data/tokenizers/sentencepiece.py; the algorithms are those of
// SentencePiece's unigram_model.cc and bpe_model.cc.

/** How much less than the rarest piece a character counts that is no piece. */
const UNKNOWN_PENALTY = 10;
/** What a user-defined symbol of one byte counts: more than any piece. */
const MARK_SCORE = -0.1;

const sentencePieceTokenizer = {
  cut(tokenizer, text) {
    const { marked, symbols } = markSymbols(tokenizer, text);
    // Every `<name>` is parted: neither a piece nor an unknown run can be a special token.
    const prepared = escapeText(marked).replace(NAME, "<" + EMPTY_MARK);
    if (!prepared) return [];
    const pieces = segmentations[tokenizer.algorithm](tokenizer, SPACE + prepared.replaceAll(" ", SPACE));
    const joined = joinUnknown(pieces);
    return symbols.length ? insertSymbols(joined, symbols) : joined;
  },

  join(tokenizer, tokens) {
    const symbols = tokenizer.special_symbols;
    let text = "", run = "", before = "";
    const flush = () => {
      text += unescapeText(run.replaceAll(SPACE, " "));
      run = "";
    };
    for (const token of visibleTokens(tokens)) {
      if (symbols.includes(token)) {
        flush();
        text += (before === JOINER ? "" : " ") + token;
      } else if (!symbols.length || token !== JOINER) run += token;
      before = token;
    }
    if (!symbols.length) return unescapeText(splitWords(run.replaceAll(SPACE, " ")).join(" "));
    flush();
    return splitWords(text).join(" ");
  },
};

const NAME = new RegExp(`<(?=[^<>${WHITE}]+>)`, "gu");

/** Returns symbols in the places of their marks, with a joiner where no space stood before one. */
function insertSymbols(pieces, symbols) {
  const tokens = [];
  for (const piece of pieces) {
    if (piece !== MARK) tokens.push(piece);
    else if (tokens[tokens.length - 1] === SPACE) tokens[tokens.length - 1] = symbols.shift();
    else tokens.push(JOINER, symbols.shift());
  }
  return tokens;
}

/** Returns texts of pieces, a run of unknown characters as one. Pieces are {text, known}. */
function joinUnknown(pieces) {
  const texts = [];
  let before = true;
  for (const { text, known } of pieces) {
    if (known || before) texts.push(text);
    else texts[texts.length - 1] += text;
    before = known;
  }
  return texts;
}

const segmentations = { unigram: mostProbableSegmentation, bpe: mergePairs };

/** Viterbi's algorithm: best[i] is the best way to the place i. Sums are of float32, as there. */
function mostProbableSegmentation(tokenizer, text) {
  const { scores, longest, least } = piecesOf(tokenizer);
  const best = [{ score: 0, start: 0, known: true }];
  const reach = (end, score, start, known) => {
    const sum = Math.fround(score);
    if (best[end] === undefined || sum > best[end].score) best[end] = { score: sum, start, known };
  };
  for (let start = 0; start < text.length; ) {
    const width = text.codePointAt(start) > 0xffff ? 2 : 1;
    const before = best[start].score;
    let single = false;
    for (let end = start + width; end <= Math.min(text.length, start + longest); end++) {
      const piece = text.slice(start, end);
      const score = scores.get(piece);
      if (score === undefined) continue;
      reach(end, (piece === MARK ? MARK_SCORE : score) + before, start, true);
      single ||= end === start + width;
    }
    if (!single) reach(start + width, Math.fround(least - UNKNOWN_PENALTY) + before, start, false);
    start += width;
  }
  const pieces = [];
  for (let end = text.length; end > 0; end = best[end].start) {
    pieces.push({ text: text.slice(best[end].start, end), known: best[end].known });
  }
  return pieces.reverse();
}

/** BPE: of neighbours that make a piece, those with the highest score are merged first; of equal ones the leftmost. */
function mergePairs(tokenizer, text) {
  const { scores } = piecesOf(tokenizer);
  const pieces = [...text]; // "" in the place of one that was merged with the one before
  const next = pieces.map((_, place) => place + 1);
  const previous = pieces.map((_, place) => place - 1);
  const agenda = new Heap((one, other) => other.score - one.score || one.place - other.place);
  const propose = (place) => {
    const merged = pieces[place] + pieces[next[place]];
    if (scores.has(merged)) agenda.push({ place, merged, score: scores.get(merged) });
  };
  for (let place = 0; place + 1 < pieces.length; place++) propose(place);
  while (agenda.items.length) {
    const { place, merged } = agenda.pop();
    const right = next[place];
    if (!pieces[place] || pieces[place] + pieces[right] !== merged) continue; // one was merged otherwise
    [pieces[place], pieces[right], next[place]] = [merged, "", next[right]];
    if (next[place] < pieces.length) {
      previous[next[place]] = place;
      propose(place);
    }
    if (previous[place] >= 0) propose(previous[place]);
  }
  return pieces.filter((piece) => piece).map((text) => ({ text, known: scores.has(text) }));
}

/** What is pushed comes out in the order of a function that compares two. */
class Heap {
  constructor(compare) {
    this.compare = compare;
    this.items = [];
  }

  push(item) {
    let place = this.items.length;
    for (let parent; place > 0; place = parent) {
      parent = (place - 1) >> 1;
      if (this.compare(this.items[parent], item) <= 0) break;
      this.items[place] = this.items[parent];
    }
    this.items[place] = item;
  }

  pop() {
    const [first, last] = [this.items[0], this.items.pop()];
    const count = this.items.length;
    if (!count) return first;
    let place = 0;
    for (let child = 1; child < count; child = 2 * place + 1) {
      if (child + 1 < count && this.compare(this.items[child + 1], this.items[child]) < 0) child++;
      if (this.compare(last, this.items[child]) <= 0) break;
      this.items[place] = this.items[child];
      place = child;
    }
    this.items[place] = last;
    return first;
  }
}

/** Returns the scores by piece, and what of all of them is needed; made once. */
function piecesOf(tokenizer) {
  if (!tokenizer.known) {
    const scores = new Map(tokenizer.pieces.map((piece, index) => [piece, tokenizer.scores[index]]));
    const normal = tokenizer.scores.filter((_, index) => tokenizer.pieces[index] !== MARK);
    const longest = tokenizer.pieces.reduce((most, piece) => Math.max(most, piece.length), 1);
    const least = normal.reduce((low, score) => Math.min(low, score), Infinity);
    tokenizer.known = { scores, longest, least };
  }
  return tokenizer.known;
}
