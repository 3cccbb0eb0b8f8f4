"use strict";
// Gates and states of the cells over the sentence: a column for each token, a row for each unit.

/** How large a unit is, and how many of a layer are shown. */
const [WIDTH, HEIGHT, UNITS] = [30, 5, 64];
const STATE_NAMES = {
  hidden: "hidden state", memory: "memory cell", input: "input gate", forget: "forget gate",
  output: "output gate", reset: "reset gate", update: "update gate",
};
let stateShown = 0;

function showStates(result, candidate) {
  const choices = stateChoices(result, candidate);
  stateShown = Math.min(stateShown, choices.length - 1);
  const select = make("select", {}, ...choices.map(({ name }) => make("option", { textContent: name })));
  select.setAttribute("aria-label", "What is shown");
  select.selectedIndex = stateShown;
  const shown = wide("Gates and states");
  const redraw = () => {
    stateShown = select.selectedIndex;
    shown.replaceChildren(drawStates(choices[stateShown]));
  };
  select.addEventListener("change", redraw);
  redraw();
  const text =
    `Each column is a token, each row a unit of the layer, the first ${UNITS} of them. Blue is positive, orange ` +
    "negative; a gate is open where it is blue, and closed where it has no colour. The decoder begins with the " +
    "encoder's last state: forwards the column at the right, backwards the one at the left.";
  const made = view("Gates and states", text, make("p", {}, select), shown);
  made.classList.add("whole");
  return made;
}

/** Returns all that can be shown: {name, tokens, vectors}. */
function stateChoices(result, candidate) {
  const choices = [];
  const add = (where, tokens, steps) => {
    for (const part of Object.keys(steps[0])) {
      choices.push({ name: `${where}: ${STATE_NAMES[part]}`, tokens, vectors: steps.map((step) => step[part]) });
    }
  };
  result.encoderSeen.forEach((sides, layer) => {
    sides.forEach((steps, side) => {
      add(`encoder, layer ${layer + 1}, ${side ? "backwards" : "forwards"}`, result.sourceTokens, steps);
    });
  });
  candidate.steps[0].seen.forEach((_, layer) => {
    const read = ["<bos>", ...candidate.tokens.slice(0, -1)];
    add(`decoder, layer ${layer + 1}`, read, candidate.steps.map(({ seen }) => seen[layer]));
  });
  return choices;
}

function drawStates({ tokens, vectors }) {
  const units = Math.min(UNITS, vectors[0].length);
  const canvas = make("canvas", { className: "units", width: vectors.length, height: units });
  canvas.style.width = `${vectors.length * WIDTH}px`;
  canvas.style.height = `${units * HEIGHT}px`;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(vectors.length, units);
  vectors.forEach((vector, column) => {
    vector.subarray(0, units).forEach((value, unit) => {
      const colour = value < 0 ? [226, 128, 38] : [47, 98, 230];
      picture.data.set([...colour, 2 * Math.abs(value)], 4 * (unit * vectors.length + column));
    });
  });
  context.putImageData(picture, 0, 0);
  const head = make("tr", {}, ...tokens.map((token) => tokenCell(token, "col")));
  const body = make("tr", {}, make("td", { colSpan: tokens.length }, canvas));
  const table = make("table", { className: "attention states" }, make("thead", {}, head), make("tbody", {}, body));
  return table;
}
