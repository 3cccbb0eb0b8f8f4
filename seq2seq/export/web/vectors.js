"use strict";
// Arithmetic of vectors, which are Float32Arrays: what numpy and torch have of it.

const add = (left, right) => left.map((value, index) => value + right[index]);

/** Returns the sum of the products of two vectors' numbers. */
function dot(left, right) {
  let sum = 0;
  for (let index = 0; index < left.length; index++) sum += left[index] * right[index];
  return sum;
}

/** Returns the sum of vectors, each times its weight. */
function weightedSum(weights, vectors) {
  const sum = new Float32Array(vectors[0].length);
  vectors.forEach((vector, number) => {
    for (let index = 0; index < sum.length; index++) sum[index] += weights[number] * vector[index];
  });
  return sum;
}

/** Puts vectors one behind the other. */
function concat(vectors) {
  const joined = new Float32Array(vectors.reduce((size, vector) => size + vector.length, 0));
  let place = 0;
  for (const vector of vectors) {
    joined.set(vector, place);
    place += vector.length;
  }
  return joined;
}

/** Cuts a vector into equal parts. */
function chunk(vector, count) {
  const size = vector.length / count;
  return Array.from({ length: count }, (_, part) => vector.subarray(part * size, (part + 1) * size));
}

/** Layer normalization (Ba et al. 2016). */
function layerNorm({ weight, bias, epsilon }, vector) {
  const mean = vector.reduce((sum, value) => sum + value, 0) / vector.length;
  const variance = vector.reduce((sum, value) => sum + (value - mean) ** 2, 0) / vector.length;
  const scale = 1 / Math.sqrt(variance + epsilon);
  return vector.map((value, index) => (value - mean) * scale * weight[index] + bias[index]);
}

/** Turns scores into weights whose sum is 1. */
function softmax(scores) {
  const largest = maximum(scores);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

function logSoftmax(logits) {
  const largest = maximum(logits);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const total = largest + Math.log(sum);
  return logits.map((logit) => logit - total);
}

const maximum = (vector) => vector.reduce((most, value) => Math.max(most, value), -Infinity);
