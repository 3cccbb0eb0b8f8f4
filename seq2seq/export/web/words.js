"use strict";
// What is seen of a translation: words with the tokens that they are made of, steps, and the beam.

/** Letters and signs that words are made of. */
const IN_WORDS = /[\p{L}\p{M}\p{N}'’-]/u;
/** Scripts without spaces between words, where each token stands for itself. */
const SPACELESS = ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"];
const ALONE = new RegExp(`[${SPACELESS.map((script) => `\\p{Script=${script}}`).join("")}]`, "u");

/** Returns the words of a text made of tokens: {space, text, tokens}, space being what stands before. */
function wordsOf(tokenizer, tokens) {
  const words = [];
  let before = "";
  tokens.forEach((_, place) => {
    const text = detokenize(tokenizer, tokens.slice(0, place + 1));
    const [, space, letters] = /^(\s*)(.*)$/su.exec(text.slice(before.length));
    const last = words[words.length - 1];
    if (last && !text.startsWith(before)) {
      last.text = text.slice(before.length - last.text.length); // an escape is whole now
      last.tokens.push(place);
    } else if (last && !space && (!letters || continuesWord(last.text, letters))) {
      last.text += letters;
      last.tokens.push(place);
    } else words.push({ space, text: letters, tokens: [place] });
    before = text;
  });
  return words;
}

function continuesWord(before, after) {
  const border = [[...before].pop() ?? "", [...after][0]];
  return border.every((character) => IN_WORDS.test(character) && !ALONE.test(character));
}

/** Returns an answer as plain data, which a worker can send; with what is inside, if it is asked for. */
function report(model, found, inside) {
  const { source, target } = model;
  const ids = idsOf(source, found.sourceTokens);
  const answer = {
    sourceTokens: [...found.sourceTokens, EOS_TOKEN],
    isCut: found.isCut,
    sourceWords: wordsOf(source.tokenizer, found.sourceTokens).map((word) => ({
      ...word,
      isUnknown: word.tokens.some((token) => ids[token] === UNK),
    })),
    candidates: found.candidates.map(({ text, score, logProbability, names, path }) => ({
      text,
      score,
      logProbability,
      words: wordsOf(target.tokenizer, names),
      tokens: [...names, EOS_TOKEN],
      steps: path.map(({ step }) => ({ weights: step.weights })),
    })),
  };
  if (inside && found.search) addInside(answer, found, (id) => target.vocabulary[id]);
  return answer;
}

/** Adds the probabilities and states of each step, and the nodes of the beam. */
function addInside(answer, { candidates, search }, name) {
  const { nodes, encoded } = search;
  const onPath = new Set(candidates.flatMap(({ path }) => path));
  const numbers = new Map(nodes.map((node, number) => [node, number]));
  candidates.forEach(({ path }, place) => {
    const candidate = answer.candidates[place];
    candidate.end = numbers.get(path[path.length - 1]);
    candidate.steps = path.map(({ token, step }) => ({
      weights: step.weights,
      seen: step.seen,
      chosen: name(token),
      distribution: step.distribution.map((each) => ({
        token: name(each.token),
        probability: Math.exp(each.logProbability),
      })),
    }));
  });
  answer.nodes = nodes.map((node) => ({
    token: name(node.token),
    probability: Math.exp(node.logProbability),
    parent: numbers.get(node.parent) ?? -1,
    depth: node.length,
    kept: onPath.has(node),
  }));
  answer.encoderSeen = encoded.seen;
}
