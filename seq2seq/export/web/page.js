"use strict";
// The page: what is typed goes to the worker, line by line; what comes back is shown.

const element = (id) => document.getElementById(id);
const description = JSON.parse(element("description").textContent);
const { about, decoding } = description;
/** How long typing rests before the beam is searched, in milliseconds. */
const REST = 400;

const state = {
  lines: [], // {text, greedy, beam}: the results that there are
  known: new Map(), // results by beam size and text, so that nothing is translated twice
  chosen: 0, // the line that candidates are shown of
  candidate: 0,
  waiting: null, // what the worker is busy with
  rests: false,
};

/** Makes an element; text enters as text only. */
function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function startWorker() {
  const source = new Blob([element("worker").textContent], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(source));
  worker.onmessage = ({ data }) => {
    if (data.ready) element("status").textContent = "";
    else remember(data);
    state.waiting = null;
    askNext();
  };
  worker.onerror = (event) => {
    element("status").textContent = `This browser can't run the model: ${event.message || "an error"}`;
  };
  state.waiting = "model";
  worker.postMessage({
    description: element("description").textContent,
    weights: element("weights").textContent,
  });
  return worker;
}

const key = (text, beamSize) => `${beamSize} ${text}`;

function remember(result) {
  if (state.known.size > 60) state.known.clear();
  state.known.set(key(result.text, result.beamSize), result);
  show();
}

/** Asks for the first line that is missing: greedily while one types, with the beam afterwards. */
function askNext() {
  if (state.waiting) return;
  const sizes = state.rests ? [1, decoding.beam_size] : [1];
  for (const beamSize of sizes) {
    const text = state.lines.find((line) => line.trim() && !state.known.has(key(line, beamSize)));
    if (text === undefined) continue;
    state.waiting = text;
    worker.postMessage({ text, beamSize });
    return;
  }
}

/** Returns the best result that there is for a line. */
function resultOf(line) {
  return state.known.get(key(line, decoding.beam_size)) ?? state.known.get(key(line, 1));
}

let resting = 0;
function typed() {
  const source = element("source");
  state.lines = source.value.split("\n");
  state.chosen = source.value.slice(0, source.selectionStart).split("\n").length - 1;
  state.candidate = 0;
  state.rests = false;
  clearTimeout(resting);
  resting = setTimeout(() => {
    state.rests = true;
    askNext();
  }, REST);
  show();
  askNext();
}

async function copy() {
  const text = state.lines.map((line) => resultOf(line)?.candidates[0]?.text ?? "").join("\n");
  const button = element("copy");
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Press Ctrl+C";
    getSelection().selectAllChildren(element("output"));
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}

/** Returns the English name of a language, of a BCP 47 tag. */
function languageName(tag, otherwise) {
  try {
    return tag ? new Intl.DisplayNames(["en"], { type: "language" }).of(tag) : otherwise;
  } catch {
    return tag;
  }
}

function showAbout() {
  const [source, target] = [languageName(about.source, "Source"), languageName(about.target, "Translation")];
  if (about.source && about.target) {
    document.title = element("title").textContent = `${source} to ${target}`;
  }
  element("source-name").textContent = source;
  element("target-name").textContent = target;
  element("source").lang = about.source;
  element("output").lang = about.target;
  const facts = [
    ["Trained by", about.author],
    ["Trained on", about.data],
    ["Licence of the data", about.licence],
    ["Trained", about.date],
    ["Model", about.model],
  ];
  for (const [name, value] of facts) {
    if (value) element("about").append(make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value })));
  }
}

showAbout();
const worker = startWorker();
element("source").addEventListener("input", typed);
element("copy").addEventListener("click", copy);
element("inside").addEventListener("toggle", show);
element("clear").addEventListener("click", () => {
  element("source").value = "";
  element("source").focus();
  typed();
});
if (element("source").value) typed(); // what a browser has kept over a reload
