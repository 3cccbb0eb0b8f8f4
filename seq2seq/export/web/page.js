"use strict";
// The page: what is typed goes to the workers, line by line; what comes back is shown.

const element = (id) => document.getElementById(id);
const description = readDescription();
const { about, decoding } = description;
/** How long typing rests before the beam is searched, in milliseconds. */
const REST = 400;
/** How long it rests before a search is given up whose text stands there no longer. */
const PATIENCE = 1200;

const state = {
  lines: [], // of the source
  chosen: 0, // the line whose candidates are shown
  candidate: 0, // which of them
  rests: false, // whether typing rests
};

/** Reads what the page is of; where it can't be read, the page says so, and stops. */
function readDescription() {
  try {
    return JSON.parse(element("description").textContent);
  } catch (error) {
    complain(`the file is damaged: ${error.message}`);
    throw error;
  }
}

/** Makes an element; text enters as text only. */
function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Calls a function once the calls of what is returned have ceased for so many milliseconds. */
function whenItRests(milliseconds, call) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, milliseconds);
  };
}

const searchTheBeam = whenItRests(REST, () => {
  state.rests = true;
  ask();
});
const giveUpOldOnes = whenItRests(PATIENCE, giveUp);

function typed() {
  const source = element("source");
  state.lines = source.value.split("\n");
  state.rests = false;
  element("clear").disabled = !source.value;
  pointAt(null);
  state.candidate = 0;
  chooseLine(caretLine());
  searchTheBeam();
  giveUpOldOnes();
}

/** Returns the number of the line that the caret is in. */
function caretLine() {
  const source = element("source");
  return source.value.slice(0, source.selectionStart).split("\n").length - 1;
}

/** Shows the candidates of a line, and what is inside. */
function chooseLine(number) {
  if (number !== state.chosen) state.candidate = 0;
  state.chosen = number;
  show();
  ask();
}

function clear() {
  element("source").value = "";
  element("source").focus();
  typed();
}

async function copy() {
  const text = state.lines.map((line, number) => shownCandidate(line, number)?.text ?? "").join("\n");
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

/** Returns the English name of a language, of a BCP 47 tag, if it has one. */
function languageName(tag) {
  try {
    return new Intl.DisplayNames(["en"], { type: "language", fallback: "none" }).of(tag);
  } catch {
    return undefined; // for no tag, too
  }
}

function showAbout() {
  const tags = [about.source_language, about.target_language].map((tag) => (tag === "und" ? "" : tag));
  const [source, target] = tags.map(languageName);
  const labelled = (side, tag) => (tag ? `${side} (${tag})` : side);
  element("source-name").textContent = source ?? labelled("Source", tags[0]);
  element("target-name").textContent = target ?? labelled("Translation", tags[1]);
  const title = source && target ? `${source} to ${target}` : "Translator";
  if (tags[0] && tags[1]) document.title = element("title").textContent = title;
  if (tags[0]) element("source").lang = tags[0];
  if (tags[1]) element("output").lang = element("said").lang = element("candidates").lang = tags[1];
  const facts = [
    ["Trained by", about.author],
    ["Trained on", about.data],
    ["Licence of the data", about.licence],
    ["Date of the weights", about.date],
    ["Model", about.model],
  ];
  for (const [name, value] of facts) {
    if (!value) continue;
    const parts = [make("dt", { textContent: name }), make("dd", { textContent: value })];
    element("about").append(make("div", {}, ...parts));
  }
}

showAbout();
startSearchers();
listenToWords();
scrollTogether();
listenToTimeline();
element("source").addEventListener("input", typed);
for (const kind of ["click", "keyup"]) {
  element("source").addEventListener(kind, () => caretLine() !== state.chosen && chooseLine(caretLine()));
}
element("copy").addEventListener("click", copy);
element("clear").addEventListener("click", clear);
element("inside").addEventListener("toggle", () => chooseLine(state.chosen));
if (element("source").value) typed(); // what a browser has kept over a reload
