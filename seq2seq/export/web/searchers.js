"use strict";
// The workers: what they are asked, and what they have answered. Greedy search is asked for while one types,
// where there is a worker for it, and the beam when typing rests.

/** Answers by beam size and text, so that nothing is translated twice. */
const answers = new Map();
/** So many are kept, or those of all that stands in the source. */
const KEPT = 300;
let searchers = [];

const key = (text, beamSize) => `${beamSize} ${text}`;

function startSearchers() {
  searchers = beamSizes().map((beamSize) => ({ beamSize }));
  searchers.forEach(startSearcher);
}

function startSearcher(searcher) {
  const worker = startWorker();
  Object.assign(searcher, { worker, isBusy: true, text: null });
  worker.onmessage = ({ data }) => {
    if (data.ready) element("status").textContent = "";
    else if (data.text === undefined) return complain(data.error);
    else remember(data);
    Object.assign(searcher, { isBusy: false, text: null });
    ask();
  };
  worker.onerror = ({ message }) => complain(`a newer browser may be needed: ${message}`);
}

function complain(problem) {
  element("status").textContent = `This page can't translate, ${problem}`;
}

/**
 * Asks each worker that is free for a line that is missing, the chosen one first. The beam leaves the other
 * lines alone until all are translated greedily.
 */
function ask() {
  for (const searcher of searchers) {
    if (searcher.isBusy || (searcher.beamSize > 1 && !state.rests)) continue;
    const isLater = searcher !== searchers[0] && state.lines.some((line) => isMissing(line, 1));
    const lines = [state.lines[state.chosen] ?? "", ...(isLater ? [] : state.lines)];
    const text = lines.find((line) => isMissing(line, searcher.beamSize));
    if (text === undefined) continue;
    Object.assign(searcher, { isBusy: true, text });
    searcher.worker.postMessage({ text, beamSize: searcher.beamSize, inside: isLookedInto(text) });
  }
  showProgress();
}

/** Begins anew with workers whose text stands in the source no longer: it may be a very long one. */
function giveUp() {
  const old = searchers.filter(({ text }) => text !== null && !state.lines.includes(text));
  for (const searcher of old) {
    searcher.worker.terminate();
    startSearcher(searcher);
  }
}

function isMissing(text, beamSize) {
  if (!text.trim()) return false;
  const answer = answers.get(key(text, beamSize));
  return !answer || (isLookedInto(text) && !answer.inside);
}

const isLookedInto = (text) => element("inside").open && text === state.lines[state.chosen];

function remember(answer) {
  if (answers.size > KEPT) {
    const needed = new Set(state.lines);
    for (const [name, { text }] of answers) if (!needed.has(text)) answers.delete(name);
  }
  answers.set(key(answer.text, answer.beamSize), answer);
  show();
  scrollAlong();
  const isLast = answer.beamSize === decoding.beam_size && answer.text === state.lines[state.chosen];
  if (isLast) element("said").textContent = answer.candidates[0]?.text ?? "";
}

/** Returns the best answer that there is for a line. */
function answerFor(line) {
  return answers.get(key(line, decoding.beam_size)) ?? answers.get(key(line, 1));
}

/** Says how far a text of many lines is. */
function showProgress() {
  const lines = state.lines.filter((line) => line.trim());
  const done = lines.filter((line) => answerFor(line)).length;
  element("progress").textContent = done < lines.length && lines.length > 1 ? `${done} of ${lines.length} lines` : "";
}
