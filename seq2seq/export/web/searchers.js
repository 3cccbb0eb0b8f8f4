"use strict";
// The workers: what they are asked, and what they have answered. Greedy search has a worker of its own,
// so that it never waits for the beam: it is asked for while one types, and the beam when typing rests.

/** Answers by beam size and text, so that nothing is translated twice. */
const answers = new Map();
/** So many are kept, or those of all that stands in the source. */
const KEPT = 500;
let searchers = [];

const key = (text, beamSize) => `${beamSize} ${text}`;

function startSearchers() {
  const source = new Blob([element("worker").textContent], { type: "text/javascript" });
  const address = URL.createObjectURL(source);
  searchers = [...new Set([1, decoding.beam_size])].map((beamSize) => startSearcher(address, beamSize));
}

function startSearcher(address, beamSize) {
  const searcher = { beamSize, worker: new Worker(address), isBusy: true };
  searcher.worker.onmessage = ({ data }) => {
    if (data.error) return complain(data.error);
    searcher.isBusy = false;
    if (data.ready) element("status").textContent = "";
    else remember(data);
    ask();
  };
  searcher.worker.onerror = (event) => complain(event.message);
  searcher.worker.postMessage({
    description: element("description").textContent,
    weights: element("weights").textContent,
  });
  return searcher;
}

function complain(problem) {
  element("status").textContent = `This browser can't translate here: ${problem}`;
}

/** Asks each worker that is free for a line that is missing. */
function ask() {
  for (const searcher of searchers) {
    if (searcher.isBusy || (searcher.beamSize > 1 && !state.rests)) continue;
    const text = state.lines.find((line) => isMissing(line, searcher.beamSize));
    if (text === undefined) continue;
    searcher.isBusy = true;
    searcher.worker.postMessage({ text, beamSize: searcher.beamSize, inside: isLookedInto(text) });
  }
}

function isMissing(text, beamSize) {
  const answer = answers.get(key(text, beamSize));
  return text.trim() && (!answer || (isLookedInto(text) && !answer.inside));
}

const isLookedInto = (text) => element("inside").open && text === state.lines[state.chosen];

function remember(answer) {
  if (answers.size > KEPT) {
    const needed = new Set(state.lines);
    for (const [name, { text }] of answers) if (!needed.has(text)) answers.delete(name);
  }
  answers.set(key(answer.text, answer.beamSize), answer);
  show();
  const isLast = answer.beamSize === decoding.beam_size && answer.text === state.lines[state.chosen];
  if (isLast) element("said").textContent = answer.candidates[0]?.text ?? "";
}

/** Returns the best answer that there is for a line. */
function answerFor(line) {
  return answers.get(key(line, decoding.beam_size)) ?? answers.get(key(line, 1));
}
