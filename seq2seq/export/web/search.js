"use strict";
// Beam search: the best few continuations at every step. Compare seq2seq/decoding/beam_search.py.
// A beam of 1 is greedy search.

const FORBIDDEN = [PAD, UNK, BOS];
/** How many of the most probable tokens of each step are kept to be looked at. */
const SHOWN = 8;

/** Returns what was found, best first, and all nodes of the search, whose parents make a tree. */
function beamSearch(model, ids, settings, beamSize) {
  const encoded = encode(model.encoder, [...ids, EOS]);
  const longest = Math.max(longestAllowed(settings, ids.length), settings.min_length);
  const root = { token: BOS, total: 0, length: 0, parent: null, state: startDecoder(model.decoder, encoded) };
  const nodes = [];
  const finished = [];
  let live = [root];
  while (live.length) {
    const continuations = live.flatMap((node) => extend(model, node, settings, longest, beamSize));
    continuations.sort((one, other) => other.total - one.total); // equal ones keep their order
    live = [];
    for (const node of continuations.slice(0, beamSize)) {
      nodes.push(node);
      if (node.token !== EOS) live.push(node);
      else finished.push(finish(node, settings));
    }
    finished.sort((one, other) => other.score - one.score);
    const worst = finished.length < beamSize ? -Infinity : finished[beamSize - 1].score;
    live = live.filter(({ total }) => total / ((6 + longest) / 6) ** settings.length_penalty > worst);
  }
  return { hypotheses: finished.slice(0, beamSize), nodes, encoded };
}

/** Takes a step from a node; returns nodes for the most probable tokens that may come. */
function extend(model, node, settings, longest, count) {
  const { logProbabilities, weights, seen, state } = stepDecoder(model.decoder, node.token, node.state);
  const wanted = Math.max(SHOWN, count + FORBIDDEN.length + 1); // eos may be forbidden, too
  const distribution = mostProbable(logProbabilities, wanted);
  node.state = null; // no longer needed, and large
  let allowed = distribution.filter(({ token }) => !FORBIDDEN.includes(token));
  if (node.length < settings.min_length) allowed = allowed.filter(({ token }) => token !== EOS);
  if (node.length >= longest || !allowed.length) {
    allowed = [{ token: EOS, logProbability: logProbabilities[EOS] }];
  }
  const step = { distribution: distribution.slice(0, SHOWN), weights, seen };
  return allowed.slice(0, count).map(({ token, logProbability }) => ({
    token,
    logProbability,
    total: node.total + logProbability,
    length: node.length + 1,
    parent: node,
    state,
    step,
  }));
}

/** Returns the most probable tokens, best first; of equal ones the lower id first. */
function mostProbable(logProbabilities, count) {
  const best = [];
  logProbabilities.forEach((logProbability, token) => {
    if (best.length === count && logProbability <= best[count - 1].logProbability) return;
    let place = best.length;
    while (place > 0 && best[place - 1].logProbability < logProbability) place--;
    best.splice(place, 0, { token, logProbability });
    if (best.length > count) best.pop();
  });
  return best;
}

/** Returns the most tokens of a hypothesis, of a source length without eos. */
function longestAllowed(settings, length) {
  if (settings.max_length) return settings.max_length;
  const product = Math.fround(Math.fround(settings.max_length_ratio) * length);
  return Math.floor(Math.fround(product + settings.max_length_extra));
}

/** Returns the hypothesis that ends in a node: its score is divided by the length penalty. */
function finish(node, settings) {
  const path = [];
  for (let each = node; each.parent; each = each.parent) path.unshift(each);
  return {
    tokens: path.slice(0, -1).map(({ token }) => token),
    logProbability: node.total,
    score: node.total / ((5 + path.length) / 6) ** settings.length_penalty,
    path,
  };
}
