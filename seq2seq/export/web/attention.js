"use strict";
// Attention: a query is compared with a key for each source token; the softmax of these scores weighs
// the encoder's outputs. Compare seq2seq/export/attention.py, and seq2seq/models/attention.

const SCORES = {
  /** v · tanh(W q + U m) */
  additive: (attention, query, keys) => {
    const asked = linear(attention.query, query);
    return Float32Array.from(keys, (key) => linear(attention.score, add(asked, key).map(Math.tanh))[0]);
  },
  /** q · k, where the key is m itself or W m */
  dot: (attention, query, keys) => Float32Array.from(keys, (key) => dot(query, key) * attention.scale),
  /** the same, less the squares of a Gaussian around the place that the query predicts */
  local: (attention, query, keys) => {
    const [first, last] = attention.place;
    const place = keys.length * sigmoid(linear(last, linear(first, query).map(Math.tanh))[0]);
    const distance = (number) => (number - place) * (2 / attention.window);
    return SCORES.dot(attention, query, keys).map((score, number) => score - distance(number) ** 2 / 2);
  },
};

/** Computes keys and values of the encoder's outputs, once for a sentence. */
function prepareMemory(attention, outputs) {
  const project = (matrix) => (matrix ? outputs.map((output) => linear(matrix, output)) : outputs);
  return { keys: project(attention.key), values: project(attention.value) };
}

/** Returns what is attended to, and the weights, one for each source token. */
function attend(attention, query, memory, coverage) {
  const keys = coverKeys(attention, memory.keys, coverage);
  if (attention.kind === "multi-head") return attendWithHeads(attention, query, keys, memory.values);
  const weights = softmax(SCORES[attention.kind](attention, query, keys));
  return { attended: weightedSum(weights, memory.values), weights };
}

/** Adds how much a token has been attended to so far to its key, times a learned vector. */
function coverKeys({ cover }, keys, coverage) {
  if (!cover) return keys;
  return keys.map((key, place) => key.map((value, index) => value + coverage[place] * cover[index]));
}

/** Attends with several heads side by side; the weights are their mean. */
function attendWithHeads(attention, query, keys, values) {
  const split = (vector) => chunk(vector, attention.heads);
  const [splitKeys, splitValues] = [keys.map(split), values.map(split)];
  const heads = split(linear(attention.query, query)).map((asked, head) => {
    const scores = splitKeys.map((key) => dot(asked, key[head]) / Math.sqrt(asked.length));
    const weights = softmax(Float32Array.from(scores));
    return { attended: weightedSum(weights, splitValues.map((value) => value[head])), weights };
  });
  const shares = heads.map(() => 1 / heads.length);
  return {
    attended: linear(attention.output, concat(heads.map(({ attended }) => attended))),
    weights: weightedSum(shares, heads.map(({ weights }) => weights)),
  };
}
