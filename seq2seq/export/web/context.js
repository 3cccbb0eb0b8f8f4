"use strict";
// The context vector of a model without attention, and how it fills while the encoder reads.

/** So many units of a context vector stand in a row. */
const ACROSS = 32;

/** The top layer's state as it is at a moment; at the end of the sentence, it is the context vector. */
function showContext({ sourceTokens, sourceLength, steps, encoderSeen }) {
  if (steps[0].weights) return null;
  const undrawn = sourceLength - sourceTokens.length;
  const sides = encoderSeen.at(-1).map((states, side) => {
    const inOrder = states.map(({ hidden }) => hidden);
    return side
      ? showSide("Backwards, from the end", inOrder.reverse(), [...sourceTokens].reverse(), sourceLength, undrawn)
      : showSide("Forwards", inOrder, sourceTokens, sourceLength, 0);
  });
  const content = [make("div", { className: "beside" }, ...sides.map(({ shown }) => shown))];
  const size = `${encoderSeen.at(-1)[0][0].hidden.length} numbers${sides.length > 1 ? " in each direction" : ""}`;
  const text =
    "This model has no attention: all that the decoder gets of the sentence is the state that the encoder ends with, " +
    `the context vector. Each square is a number of it; the top layer has ${size}. ${SIGN_COLOURS}. Each bar is how ` +
    "far a token moved the state (the Euclidean distance).";
  const move = ({ read }) => sides.forEach((side) => side.move(read));
  return view("The context vector", text, content, move, true);
}

/** One direction: the vector, and below it how far each token moved it; of a long text, tokens before are not drawn. */
function showSide(name, vectors, tokens, length, before) {
  const head = make("h4");
  const canvas = make("canvas", { className: "units vector" });
  canvas.setAttribute("role", "img");
  const moved = vectors.map((vector, place) => distance(vector, vectors[place - 1]));
  const most = Math.max(...moved);
  const cells = moved.map((each) => {
    const bar = make("td", { className: "moved" }, make("span", { textContent: (each / 127).toFixed(1) }));
    bar.style.setProperty("--share", (each / most).toFixed(3));
    return bar;
  });
  const heads = tokens.map((token) => tokenCell(token, "col"));
  [heads, cells].forEach((row) => row.forEach((cell, number) => atPlace(cell, number)));
  const table = make("table", { className: "attention states", dir: directionOf(tokens) });
  table.append(make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, make("tr", {}, ...cells)));
  const move = (read) => {
    drawVector(vectors[read - 1], ACROSS, canvas);
    const isWhole = before + read === length;
    const soFar = `the state so far, after ${before + read} of ${length} tokens`;
    head.textContent = `${name}: ${isWhole ? "the context vector" : soFar}`;
    canvas.setAttribute("aria-label", head.textContent);
  };
  return { shown: make("div", {}, head, canvas, wide(`${name}: how far each token moved it`, table)), move };
}

/** The Euclidean distance between two vectors; from 0, if there is no other. */
function distance(vector, before) {
  return Math.sqrt(vector.reduce((sum, value, unit) => sum + (value - (before?.[unit] ?? 0)) ** 2, 0));
}
