"use strict";
// Attention: a query is compared with a key for each source token; the softmax of these scores weighs
// the encoder's outputs. Compare seq2seq/models/attention.

const SCORES = {
  /** v · tanh(W q + U m) */
  additive: (attention, query, keys) => {
    const asked = linear(attention.query, query);
    return keys.map((key) => dot(attention.score, add(asked, key).map(Math.tanh)));
  },
  /** q · k, where the key is m itself or W m */
  dot: (attention, query, keys) => keys.map((key) => dot(query, key)),
};

/** Computes the keys of the encoder's outputs, once for a sentence. */
function prepareMemory(attention, values) {
  const keys = attention.key ? values.map((value) => linear(attention.key, value)) : values;
  return { keys, values };
}

/** Returns what is attended to, and the weights, one for each source token. */
function attend(attention, query, memory) {
  const scores = SCORES[attention.kind](attention, query, memory.keys);
  const weights = softmax(Float32Array.from(scores, (score) => score * attention.scale));
  return { attended: weightedSum(weights, memory.values), weights };
}

function softmax(scores) {
  const largest = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}
