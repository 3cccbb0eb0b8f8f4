"use strict";
// What is seen of a translation: words with the tokens that they are made of, steps, and the beam.

/** A letter or a sign that words are made of, in scripts that have spaces between words. */
const IN_WORDS = /[\p{L}\p{M}\p{N}'’\-](?<![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}])/u;

/** Returns the words of a text made of tokens: {space, text, tokens}, space being what stands before. */
function wordsOf(tokenizer, tokens) {
  const words = [];
  let before = "";
  tokens.forEach((_, place) => {
    const text = detokenize(tokenizer, tokens.slice(0, place + 1));
    const added = text.startsWith(before) ? text.slice(before.length) : "";
    const [, space, letters] = /^(\s*)(.*)$/su.exec(added);
    const last = words[words.length - 1];
    if (last && !space && (!letters || continuesWord(last.text, letters))) {
      last.text += letters;
      last.tokens.push(place);
    } else words.push({ space, text: letters, tokens: [place] });
    before = text;
  });
  return words;
}

const continuesWord = (before, after) => IN_WORDS.test([...before].pop() ?? "") && IN_WORDS.test([...after][0]);

/** Makes vectors of a cell small: what is between -1 and 1 in whole numbers to 127. */
function packed(seen) {
  const small = (vector) => Int8Array.from(vector, (value) => Math.round(127 * Math.max(-1, Math.min(1, value))));
  return Object.fromEntries(Object.entries(seen).map(([name, vector]) => [name, small(vector)]));
}

/** Returns a result as plain data, which a worker can send. */
function report(model, { sourceTokens, candidates, search }) {
  const { source, target } = model;
  const name = (id) => target.vocabulary[id];
  const onPath = new Set(candidates.flatMap(({ path }) => path));
  const numbers = new Map((search?.nodes ?? []).map((node, number) => [node, number]));
  return {
    sourceTokens: [...sourceTokens, EOS_TOKEN],
    sourceWords: wordsOf(source.tokenizer, sourceTokens),
    candidates: candidates.map(({ text, score, logProbability, names, path }) => ({
      text,
      score,
      logProbability,
      words: wordsOf(target.tokenizer, names),
      tokens: [...names, EOS_TOKEN],
      end: numbers.get(path[path.length - 1]),
      steps: path.map(({ token, step }) => ({
        weights: step.weights,
        seen: step.seen.map(packed),
        chosen: name(token),
        distribution: step.distribution.map((each) => ({
          token: name(each.token),
          probability: Math.exp(each.logProbability),
        })),
      })),
    })),
    nodes: (search?.nodes ?? []).map((node) => ({
      token: name(node.token),
      probability: Math.exp(node.logProbability),
      parent: numbers.get(node.parent) ?? -1,
      depth: node.length,
      kept: onPath.has(node),
      ended: node.token === EOS,
    })),
    encoderSeen: (search?.encoded.seen ?? []).map((sides) => sides.map((steps) => steps.map(packed))),
  };
}
