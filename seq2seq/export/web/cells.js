"use strict";
// The recurrent cells, one step by the formula: compare seq2seq/export/cells.py, and seq2seq/models/cells.
//
// A state is a list of vectors, the output first. A kind of cell has what needs no state (`project`), and
// the next state from that and the state before (`update`), beside it the gates by name.

const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const ACTIVATIONS = {
  tanh: Math.tanh,
  sigmoid,
  relu: (value) => Math.max(value, 0),
  linear: (value) => value,
};

const CELLS = {
  elman: { project: projectInputs, update: updateElman },
  jordan: { project: projectInputs, update: updateJordan },
  leaky: { project: projectInputs, update: updateLeaky },
  gru: { project: projectInputs, update: updateGru },
  lstm: { project: projectInputs, update: updateLstm },
  "lstm-norm": { project: projectNormalized, update: updateNormalized },
  sru: { project: projectSru, update: updateSru },
  mingru: { project: projectInputs, update: updateMinGru },
};

function zeroState(cell) {
  return Array.from({ length: cell.state_tensors }, () => new Float32Array(cell.size));
}

/** Takes one step; returns the new state, and what there is to be looked at: gates and states by name. */
function stepCell(cell, inputs, before) {
  const { project, update } = CELLS[cell.kind];
  const { state: after, gates } = update(cell, project(cell, inputs), before);
  const state = cell.zoneout ? after.map((vector, part) => mix(cell.zoneout, before[part], vector)) : after;
  const [hidden, memory] = state;
  return { state, seen: packed(memory ? { hidden, memory, ...gates } : { hidden, ...gates }) };
}

/** Makes vectors small, to be kept and sent: what is between -1 and 1 in whole numbers to 127. */
function packed(seen) {
  const small = (vector) =>
    new Int8Array(vector.map((value) => Math.round(LARGEST * Math.max(-1, Math.min(1, value)))));
  return Object.fromEntries(Object.entries(seen).map(([name, vector]) => [name, small(vector)]));
}

/** What zoneout is in evaluation: some of the old state is kept. */
function mix(share, before, after) {
  return after.map((value, unit) => share * before[unit] + (1 - share) * value);
}

/** W x + b. */
function projectInputs(cell, inputs) {
  return linear(cell.input, inputs);
}

/** U h + c. */
function projectState(cell, hidden) {
  return linear(cell.state, hidden);
}

/** The formula of ElmanCell. */
function updateElman(cell, projected, [before]) {
  const hidden = add(projected, projectState(cell, before)).map(ACTIVATIONS[cell.activation]);
  return { state: [hidden], gates: {} };
}

/** The formula of JordanCell, whose state is its output. */
function updateJordan(cell, projected, [before]) {
  const hidden = add(projected, projectState(cell, before)).map(Math.tanh);
  return { state: [linear(cell.output, hidden).map(Math.tanh)], gates: {} };
}

/** The formula of LeakyCell. */
function updateLeaky(cell, projected, [before]) {
  const candidate = add(projected, projectState(cell, before)).map(Math.tanh);
  const hidden = before.map((old, unit) => old * (1 - cell.rates[unit]) + candidate[unit] * cell.rates[unit]);
  return { state: [hidden], gates: {} };
}

/** The formula of GRUCell. */
function updateGru(cell, projected, [before]) {
  const [resetInput, updateInput, newInput] = chunk(projected, 3);
  const [resetState, updateState, newState] = chunk(projectState(cell, before), 3);
  const reset = add(resetInput, resetState).map(sigmoid);
  const update = add(updateInput, updateState).map(sigmoid);
  const candidate = newInput.map((value, unit) => Math.tanh(value + reset[unit] * newState[unit]));
  const hidden = before.map((old, unit) => (1 - update[unit]) * candidate[unit] + update[unit] * old);
  return { state: [hidden], gates: { reset, update } };
}

/** The formula of LSTMCell. */
function updateLstm(cell, projected, [hidden, before]) {
  return writeMemory(cell, add(projected, projectState(cell, hidden)), before, (memory) => memory);
}

/** LN(W x) + b: the bias is that of the norm. */
function projectNormalized(cell, inputs) {
  return layerNorm(cell.norm_input, linear(cell.input, inputs));
}

/** The formula of NormalizedLSTMCell. */
function updateNormalized(cell, projected, [hidden, before]) {
  const recurrent = layerNorm(cell.norm_state, linear(cell.state, hidden));
  return writeMemory(cell, add(projected, recurrent), before, (memory) => layerNorm(cell.norm_memory, memory));
}

/** The gates of an LSTM from their sums, its new memory and its output. */
function writeMemory(cell, sums, before, normalize) {
  const activation = ACTIVATIONS[cell.activation];
  const [inputSum, forgetSum, candidateSum, outputSum] = chunk(sums, 4);
  const [input, forget, output] = [inputSum, forgetSum, outputSum].map((part) => part.map(sigmoid));
  const candidate = candidateSum.map(activation);
  const memory = before.map((old, unit) => forget[unit] * old + input[unit] * candidate[unit]);
  const hidden = normalize(memory).map((value, unit) => output[unit] * activation(value));
  return { state: [hidden, memory], gates: { input, forget, output } };
}

/** W x, W x + b of f and of r, and α x or V x, one behind the other. */
function projectSru(cell, inputs) {
  const product = linear(cell.input, inputs);
  if (cell.highway_scale === null) return product;
  return concat([product, inputs.map((value) => value * cell.highway_scale)]);
}

/** The formula of SRUCell. */
function updateSru(cell, projected, [, before]) {
  const [candidate, forgetSum, resetSum, highway] = chunk(projected, 4);
  const [forget, reset] = [forgetSum.map(sigmoid), resetSum.map(sigmoid)];
  const memory = before.map((old, unit) => forget[unit] * old + (1 - forget[unit]) * candidate[unit]);
  const hidden = memory.map((value, unit) => reset[unit] * value + (1 - reset[unit]) * highway[unit]);
  return { state: [hidden, memory], gates: { forget, reset } };
}

/** The formula of MinGRUCell. */
function updateMinGru(cell, projected, [before]) {
  const [updateSum, candidate] = chunk(projected, 2);
  const update = updateSum.map(sigmoid);
  const hidden = before.map((old, unit) => (1 - update[unit]) * old + update[unit] * candidate[unit]);
  return { state: [hidden], gates: { update } };
}
