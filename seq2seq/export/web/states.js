"use strict";
// Gates and states of the cells over the sentence: a column for each token, a row for each unit.

/** What the decoder reads before the first token that it has written. */
const BEGIN = "<bos>";
/** So many units of a layer are drawn. */
const UNITS = 64;
const [POSITIVE, NEGATIVE] = [[47, 98, 230], [226, 128, 38]];
/** States, by their names in cells.js; all else are gates, which are between 0 and 1. */
const STATES = { hidden: "hidden state", memory: "memory cell" };
const SIGN_COLOURS = "Blue is positive, orange negative: the colour is full at 1 and −1, and beyond";
/** What gates do, by the kind of cell; see the formulas in cells.js. */
const LSTM_GATES = {
  input: "how much of what is new is added to the memory",
  forget: "how much of the memory is kept",
  output: "how much of the memory is shown in the hidden state",
};
const GATES = {
  lstm: LSTM_GATES,
  "lstm-norm": LSTM_GATES,
  gru: {
    reset: "how much of the old state is used in making a new one",
    update: "how much of the old state is kept, instead of the new one",
  },
  sru: {
    forget: "how much of the memory is kept, instead of what is new",
    reset: "how much of the memory goes out, instead of the input",
  },
  mingru: { update: "how much of the new state is taken, instead of the old one" },
};
/** Which of its choices each view shows. */
const chosenStates = { encoder: 0, decoder: 0 };

function showEncoder({ sourceTokens, sourceLength, encoderSeen }) {
  const last = sourceTokens.length - 1;
  const layers = encoderSeen.flatMap((sides, layer) =>
    sides.map((steps, side) => ({
      name: `layer ${layer + 1}${sides.length > 1 ? [", forwards", ", backwards"][side] : ""}`,
      kind: description.encoder.layers[layer].forwards.kind,
      isCut: sourceLength > sourceTokens.length,
      awaited: "What is shown of the text is not read yet, from the end.",
      tokens: sourceTokens,
      steps,
      // Of a long text, what is drawn is read from the end at the last moment, or after it.
      places: sourceTokens.map((_, place) => (side ? Math.min(last, sourceLength - 1 - place) : place)),
    })),
  );
  const text =
    "The state of the encoder's cells after each token, a row for each unit: forwards it holds what stood before, " +
    "backwards, where the encoder reads from the end, what comes after.";
  const moment = ({ read }) => read - 1;
  return showStates({ coder: "encoder", title: "Inside the encoder", text, layers, moment });
}

function showDecoder({ sourceTokens, steps }) {
  const layers = steps[0].seen.map((_, layer) => ({
    name: `layer ${layer + 1}`,
    kind: description.decoder.layers[layer].cell.kind,
    awaited: "The decoder has not begun: the encoder still reads.",
    tokens: [BEGIN, ...steps.slice(0, -1).map(({ token }) => token)],
    steps: steps.map(({ seen }) => seen[layer]),
    places: steps.map((_, place) => sourceTokens.length + place),
  }));
  const text =
    "The state of the decoder's cells at each step, a row for each unit, under the token that it reads there, the " +
    `one that it wrote before${description.decoder.bridge ? "; it begins with the encoder's last state" : ""}.`;
  const moment = ({ written }) => (written ? sourceTokens.length + written - 1 : null);
  return showStates({ coder: "decoder", title: "Inside the decoder", text, layers, moment });
}

/** A map of the state or gate that is chosen, and how far the gates of its layer are open at a moment. */
function showStates({ coder, title, text, layers, moment }) {
  const choices = layers.flatMap((layer) => Object.keys(layer.steps[0]).map((part) => ({ layer, part })));
  const names = choices.map(({ layer, part }) => make("option", { textContent: `${layer.name}: ${partName(part)}` }));
  const select = make("select", {}, ...names);
  select.setAttribute("aria-label", `${title}, what is shown`);
  select.selectedIndex = Math.min(chosenStates[coder], choices.length - 1);
  const [map, legend, gates] = [wide(title), make("p", { className: "note" }), make("ul", { className: "bars gates" })];
  const move = (now) => {
    const { layer } = choices[select.selectedIndex];
    gates.replaceChildren(...showGates(layer, layer.places.indexOf(moment(now))));
  };
  const redraw = () => {
    const { layer, part } = choices[select.selectedIndex];
    const vectors = layer.steps.map((step) => step[part]);
    map.replaceChildren(drawColumns(layer, vectors, select.selectedOptions[0].textContent));
    legend.textContent = legendOf(part, vectors[0].length);
  };
  select.addEventListener("change", () => {
    chosenStates[coder] = select.selectedIndex;
    redraw();
    moveTo(timeline.place);
  });
  redraw();
  const beside = make("div", { className: "beside" }, make("div", { className: "map" }, map, legend), gates);
  return view(title, text, [make("p", {}, select), beside], move, true);
}

const partName = (part) => STATES[part] ?? `${part} gate`;

function legendOf(part, size) {
  const gate = "The bluer, the wider open is the gate";
  const colours = STATES[part] ? SIGN_COLOURS : gate;
  return size > UNITS ? `${colours}. These are the first ${UNITS} of ${size} units.` : `${colours}.`;
}

/** How far the gates of a layer are open, the mean over its units. */
function showGates({ kind, tokens, steps, isCut, awaited }, place) {
  const say = (textContent) => make("li", { className: "note", textContent });
  const step = steps[place];
  if (!step) return [say(awaited)];
  const parts = Object.keys(step).filter((part) => !STATES[part]);
  if (!parts.length) return [say("Cells of this kind have no gates.")];
  const bars = parts.map((part) => {
    const mean = step[part].reduce((sum, value) => sum + value, 0) / step[part].length / 127;
    const bar = showBar({ name: partName(part), share: mean });
    bar.append(make("span", { className: "meaning", textContent: GATES[kind]?.[part] ?? "" }));
    return bar;
  });
  const isLast = isCut && place === tokens.length - 1;
  const token = `“${tokens[place]}”${isLast ? ", the last token that is shown" : ""}`;
  return [say(`How far gates are open while it reads ${token}, the mean of all units:`), ...bars];
}

/** A table with a canvas in each column, so that columns follow the direction of the script. */
function drawColumns({ tokens, places }, vectors, name) {
  const head = tokens.map((token, index) => atPlace(tokenCell(token, "col"), places[index]));
  const body = vectors.map((vector, index) => {
    return atPlace(make("td", {}, drawVector(vector.subarray(0, UNITS), 1)), places[index]);
  });
  const table = make("table", { className: "attention states", dir: directionOf(tokens) });
  table.append(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, make("tr", {}, ...body)));
  table.setAttribute("role", "img");
  table.setAttribute("aria-label", `${name}, of ${tokens.length} tokens`);
  return table;
}

function atPlace(made, number) {
  made.dataset.place = number;
  return made;
}

/** Draws numbers between -127 and 127 as a picture, so many in a row. */
function drawVector(vector, across, canvas = make("canvas", { className: "units" })) {
  Object.assign(canvas, { width: across, height: Math.ceil(vector.length / across) }); // empties it, too
  const picture = canvas.getContext("2d").createImageData(canvas.width, canvas.height);
  vector.forEach((value, unit) => {
    picture.data.set([...(value < 0 ? NEGATIVE : POSITIVE), 2 * Math.abs(value)], 4 * unit);
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}
