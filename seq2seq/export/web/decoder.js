"use strict";
// The decoder: context -> a distribution over the next target token, one step.
// Compare seq2seq/models/decoder.py. A state is never changed, so hypotheses can share one.

/** Returns the state before the first token, from what the encoder hands over. */
function startDecoder(decoder, encoded) {
  const { attention, bridge, layers, readout } = decoder;
  const top = encoded.context[encoded.context.length - 1];
  return {
    layers: bridge ? crossBridge(bridge, encoded.context) : layers.map(({ cell }) => zeroState(cell)),
    context: top[0],
    memory: attention && prepareMemory(attention, encoded.memory),
    embedded: encoded.embedded,
    coverage: new Float32Array(encoded.memory.length),
    inputFeed: new Float32Array(readout.rows),
  };
}

/** Takes one step from the previous token: log-probabilities, weights of attention, state, and what is seen. */
function stepDecoder(decoder, token, before) {
  const inputs = [embed(decoder.embedding, token)];
  if (decoder.context !== "initial") inputs.push(before.context);
  if (decoder.input_feeding) inputs.push(before.inputFeed);
  const first = decoder.attention && decoder.attention_order === "bahdanau";
  let found = null;
  if (first) {
    found = lookBack(decoder, before.layers[before.layers.length - 1][0], before);
    inputs.push(found.attended);
  }
  const { outputs, layers, seen } = stepLayers(decoder, concat(inputs), before.layers);
  if (decoder.attention && !first) found = lookBack(decoder, outputs, before);
  const preLogits = readOut(decoder, outputs, before, found);
  const coverage = found ? add(before.coverage, found.weights) : before.coverage;
  return {
    logProbabilities: logSoftmax(linear(decoder.output, preLogits)),
    weights: found && found.weights,
    seen,
    state: { ...before, layers, coverage, inputFeed: preLogits },
  };
}

const lookBack = (decoder, query, { memory, coverage }) => attend(decoder.attention, query, memory, coverage);

function stepLayers(decoder, inputs, states) {
  const layers = [];
  const seen = [];
  decoder.layers.forEach(({ cell, residual }, number) => {
    const after = stepCell(cell, inputs, states[number]);
    inputs = residual ? add(after.state[0], inputs) : after.state[0];
    layers.push(after.state);
    seen.push(after.seen);
  });
  return { outputs: inputs, layers, seen };
}

/** Returns the readout, what the output layer gets (Luong et al. 2015, equation 5). */
function readOut(decoder, outputs, state, found) {
  const read = [outputs];
  if (found) read.push(found.attended);
  if (decoder.context_to_output) read.push(state.context);
  const preLogits = linear(decoder.readout, concat(read)).map(Math.tanh);
  if (!decoder.lexical) return preLogits;
  return add(preLogits, translateWords(decoder.lexical, found.weights, state.embedded));
}

/** What the attended source words add to it, see seq2seq/models/lexical.py. */
function translateWords(lexical, weights, embedded) {
  const words = weightedSum(weights, embedded).map(Math.tanh);
  return add(words, linear(lexical, words).map(Math.tanh));
}
