"use strict";
// The encoder: source ids -> memory (all outputs) and context (the final states of every layer).
// Compare seq2seq/export/encoder.py, and seq2seq/models/encoder.py and rnn.py.

/** Reads ids, eos the last of them. What is seen: of each layer, each direction, each token. */
function encode(encoder, ids) {
  const embedded = ids.map((id) => embed(encoder.embedding, id));
  const context = [];
  const seen = [];
  let inputs = embedded;
  for (const layer of encoder.layers) {
    const read = readLayer(layer, inputs);
    inputs = layer.residual ? read.outputs.map((output, place) => add(output, inputs[place])) : read.outputs;
    context.push(read.final);
    seen.push(read.seen);
  }
  return { memory: inputs, context, embedded, seen };
}

/** Reads with one layer: outputs and final states of both directions side by side. */
function readLayer(layer, inputs) {
  const forwards = readSequence(layer.forwards, inputs);
  if (layer.backwards === null) return { ...forwards, seen: [forwards.seen] };
  const turned = readSequence(layer.backwards, [...inputs].reverse());
  const beside = turned.outputs.reverse();
  return {
    outputs: forwards.outputs.map((output, place) => concat([output, beside[place]])),
    final: forwards.final.map((vector, part) => concat([vector, turned.final[part]])),
    seen: [forwards.seen, turned.seen.reverse()],
  };
}

function readSequence(cell, inputs) {
  let state = zeroState(cell);
  const outputs = [];
  const seen = [];
  for (const input of inputs) {
    const after = stepCell(cell, input, state);
    state = after.state;
    outputs.push(state[0]);
    seen.push(after.seen);
  }
  return { outputs, final: state, seen };
}

/** Returns the decoder's initial states from the encoder's final ones, see models/bridge.py. */
function crossBridge(bridge, context) {
  return bridge.map(({ origin, maps }) =>
    context[origin].map((vector, part) => {
      if (maps[part] === null) return vector;
      const mapped = linear(maps[part].linear, vector);
      return maps[part].tanh ? mapped.map(Math.tanh) : mapped;
    }),
  );
}

/** Returns the vector of a token: learned, or all 0 but a single 1. */
function embed(embedding, id) {
  return embedding.one_hot ? new Float32Array(embedding.one_hot).fill(1, id, id + 1) : lookUp(embedding, id);
}
