"use strict";
// The recurrent cells, one step by the formula: compare seq2seq/models/cells.
//
// A state is a list of vectors, the output first. Beside the new one, a cell returns its gates and
// states by name, to be looked at.

const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const ACTIVATIONS = { tanh: Math.tanh, sigmoid, relu: (value) => Math.max(value, 0) };
const STATE_VECTORS = { lstm: 2, gru: 1, elman: 1 };
const UPDATES = { lstm: updateLstm, gru: updateGru, elman: updateElman };

function zeroState(cell) {
  return Array.from({ length: STATE_VECTORS[cell.kind] }, () => new Float32Array(cell.size));
}

/** Takes one step; returns the new state, and what there is to be looked at. */
function stepCell(cell, inputs, state) {
  const fromInput = linear(cell.input, inputs);
  const fromState = linear(cell.state, state[0]);
  const after = UPDATES[cell.kind](cell, fromInput, fromState, state);
  if (cell.zoneout) after.state = after.state.map((vector, part) => mix(cell.zoneout, state[part], vector));
  const [hidden, memory] = after.state;
  const seen = memory ? { hidden, memory, ...after.gates } : { hidden, ...after.gates };
  return { state: after.state, seen };
}

/** What zoneout is in evaluation: some of the old state is kept. */
function mix(share, before, after) {
  return after.map((value, index) => share * before[index] + (1 - share) * value);
}

/** The formula of ElmanCell: f(W x + b + U h + c). */
function updateElman(cell, fromInput, fromState) {
  const hidden = add(fromInput, fromState).map(ACTIVATIONS[cell.activation]);
  return { state: [hidden], gates: {} };
}

/** The formula of GRUCell. */
function updateGru(cell, fromInput, fromState, [before]) {
  const size = cell.size;
  const gate = (number) =>
    before.map((_, unit) => sigmoid(fromInput[number * size + unit] + fromState[number * size + unit]));
  const [reset, update] = [gate(0), gate(1)];
  const hidden = before.map((old, unit) => {
    const place = 2 * size + unit;
    const candidate = Math.tanh(fromInput[place] + reset[unit] * fromState[place]);
    return (1 - update[unit]) * candidate + update[unit] * old;
  });
  return { state: [hidden], gates: { reset, update } };
}

/** The formula of LSTMCell. */
function updateLstm(cell, fromInput, fromState, [, before]) {
  const sums = add(fromInput, fromState);
  const part = (number) => sums.subarray(number * cell.size, (number + 1) * cell.size);
  const [input, forget, output] = [0, 1, 3].map((number) => part(number).map(sigmoid));
  const candidate = part(2).map(Math.tanh);
  const memory = before.map((old, unit) => forget[unit] * old + input[unit] * candidate[unit]);
  const hidden = memory.map((value, unit) => output[unit] * Math.tanh(value));
  return { state: [hidden, memory], gates: { input, forget, output } };
}
