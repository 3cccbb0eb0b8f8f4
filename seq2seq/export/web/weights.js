"use strict";
// The model's numbers, and products with weights in int8: compare seq2seq/export/weights.py.
//
//     scale_x = max |x| / 127,  q_x = round(x / scale_x)
//     W x + b = (Σ q_W q_x) scale_x scale_W + b
//
// A matrix is {rows, columns, numbers, scales, bias}, a scale for each row; bias may be null. One of a
// single row has its `weights` as they are.

const LARGEST = 127;
const LEAST = 1e-30;
/** Added to a number of float64 and taken away again, it leaves a whole one, halves to even. */
const ROUNDING = 1.5 * 2 ** 52;

/** Reads what seq2seq/export/browser.py packed: the description, with arrays where it says where they are. */
async function readModel(description, base64) {
  if (typeof DecompressionStream === "undefined") throw new Error("a newer browser is needed: this one has no DecompressionStream");
  try {
    const packed = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const unpacking = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    const bytes = await new Response(unpacking).arrayBuffer(); // their checksum has been compared
    const [checksum, floatCount, numberCount] = new Uint32Array(bytes, 0, 3);
    if (checksum !== adler32(description)) throw new Error("its description was changed");
    const floats = new Float32Array(bytes, 12, floatCount);
    const numbers = new Int8Array(bytes, 12 + 4 * floatCount, numberCount);
    return putArrays(JSON.parse(description), floats, numbers);
  } catch (error) {
    throw new Error(`the file is damaged: ${error.message}`);
  }
}

/** The checksum of zlib. */
function adler32(text) {
  let [low, high] = [1, 0];
  for (let place = 0; place < text.length; place++) {
    low = (low + text.charCodeAt(place)) % 65521;
    high = (high + low) % 65521;
  }
  return high * 65536 + low;
}

function putArrays(part, floats, numbers) {
  if (Array.isArray(part)) return part.map((each) => putArrays(each, floats, numbers));
  if (part === null || typeof part !== "object") return part;
  if (Array.isArray(part.floats)) return floats.subarray(...part.floats);
  if (Array.isArray(part.numbers)) return numbers.subarray(...part.numbers);
  const entries = Object.entries(part);
  return Object.fromEntries(entries.map(([name, each]) => [name, putArrays(each, floats, numbers)]));
}

/** Computes W x + b. */
function linear(matrix, inputs) {
  const { rows, scales, bias } = matrix;
  if (rows === 1) return Float32Array.of(dot(matrix.weights, inputs) + (bias ? bias[0] : 0));
  const { whole, scale } = rounded(inputs);
  const sums = multiply(matrix, whole);
  const outputs = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    outputs[row] = Math.fround(Math.fround(sums[row] * scale) * scales[row]) + (bias ? bias[row] : 0);
  }
  return outputs;
}

/** Multiplies in whole numbers: nearly all of the time is spent here. */
function multiply({ rows, columns, numbers }, whole) {
  const sums = new Int32Array(rows);
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    // Four rows at once, so that each number of the vector is read once for them: twice as quick.
    const first = row * columns, second = first + columns, third = second + columns, fourth = third + columns;
    let one = 0, two = 0, three = 0, four = 0;
    for (let column = 0; column < columns; column++) {
      const value = whole[column];
      one = (one + Math.imul(numbers[first + column], value)) | 0;
      two = (two + Math.imul(numbers[second + column], value)) | 0;
      three = (three + Math.imul(numbers[third + column], value)) | 0;
      four = (four + Math.imul(numbers[fourth + column], value)) | 0;
    }
    sums.set([one, two, three, four], row);
  }
  for (; row < rows; row++) {
    for (let column = 0; column < columns; column++) sums[row] += numbers[row * columns + column] * whole[column];
  }
  return sums;
}

/** Returns the whole numbers of a vector, and their scale. */
function rounded(vector) {
  let largest = LEAST;
  for (const value of vector) largest = Math.max(largest, Math.abs(value));
  const scale = Math.fround(largest * Math.fround(1 / LARGEST));
  const whole = new Int8Array(vector.length);
  for (let index = 0; index < vector.length; index++) {
    whole[index] = Math.fround(vector[index] / scale) + ROUNDING - ROUNDING;
  }
  return { whole, scale };
}

/** Returns a row of a matrix: the vector of a token. */
function lookUp(matrix, id) {
  const { columns, numbers, scales } = matrix;
  const row = numbers.subarray(id * columns, (id + 1) * columns);
  return Float32Array.from(row, (number) => number * scales[id]);
}
