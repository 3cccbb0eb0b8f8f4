"use strict";
// The translation, its words aligned with those of the source, and the candidates.

/** Shows all that is known of what stands in the source. */
function show() {
  const output = element("output");
  const focused = output.contains(document.activeElement) ? document.activeElement.dataset.place : null;
  output.replaceChildren(...state.lines.map(showLine));
  const words = [...output.querySelectorAll(".word")];
  const held = words.find((word) => word.dataset.place === focused);
  for (const word of words) word.tabIndex = word === (held ?? words[0]) ? 0 : -1;
  held?.focus();
  mark([]);
  element("copy").disabled = !words.length;
  const result = answerFor(state.lines[state.chosen] ?? "");
  showCandidates(result);
  showInside(result);
}

/** Returns the candidate that is shown of a line, if there is one. */
function shownCandidate(text, number) {
  return answerFor(text)?.candidates[number === state.chosen ? state.candidate : 0];
}

/** The text of each line as it was last shown, which stays while the next one is searched for. */
const shownBefore = [];

/** Makes a line: its words, or what was there before while it is translated. */
function showLine(text, number) {
  const result = answerFor(text);
  const line = make("p", { dir: "auto", className: "line" });
  const candidate = shownCandidate(text, number);
  if (!candidate) {
    if (result || !text.trim()) shownBefore[number] = "";
    else line.textContent = shownBefore[number] || "…";
    line.classList.add("stale");
    return line;
  }
  shownBefore[number] = candidate.text;
  candidate.words.forEach((word, place) => {
    const shown = make("span", { className: "word", textContent: word.text });
    shown.dataset.place = `${number} ${place}`;
    shown.setAttribute("role", "button");
    const look = () => pointAt(result, candidate, word, number);
    shown.addEventListener("mouseenter", look);
    shown.addEventListener("focus", look);
    shown.addEventListener("mouseleave", () => mark([]));
    shown.addEventListener("blur", () => mark([]));
    shown.addEventListener("click", () => choose(number));
    shown.addEventListener("keydown", moveFocus);
    line.append(word.space, shown);
  });
  return line;
}

/** Arrow keys go from word to word, so that Tab passes over all of them at once. */
function moveFocus(event) {
  const words = [...element("output").querySelectorAll(".word")];
  const rightToLeft = getComputedStyle(event.target.parentElement).direction === "rtl";
  const steps = { ArrowRight: rightToLeft ? -1 : 1, ArrowLeft: rightToLeft ? 1 : -1 };
  const next = words[words.indexOf(event.target) + (steps[event.key] ?? NaN)];
  if (event.key === "Enter" || event.key === " ") choose(Number(event.target.dataset.place.split(" ")[0]));
  if (next) next.focus();
  if (next || event.key === " ") event.preventDefault();
}

function choose(line) {
  if (line === state.chosen) return;
  state.chosen = line;
  state.candidate = 0;
  show();
  ask();
}

/** Marks the source words that attention was on while a word was written. */
function pointAt(result, candidate, word, number) {
  if (!candidate.steps[0].weights) return;
  const rows = word.tokens.map((token) => candidate.steps[token].weights);
  const weights = result.sourceWords.map(({ tokens }) =>
    Math.max(...rows.map((row) => tokens.reduce((sum, token) => sum + row[token], 0))),
  );
  mark(weights, result.sourceWords, number);
  const best = weights.indexOf(Math.max(...weights));
  const share = Math.round(100 * weights[best]);
  const looked = `“${word.text}” looked at “${result.sourceWords[best].text}”`;
  element("hint").textContent = `${looked} with ${share} % of its attention`;
}

/** Colours words of a line of the source: a layer with the same text lies under it. */
function mark(weights, words = [], number = 0) {
  const marks = element("marks");
  const lines = element("source").value.split("\n");
  const line = lines[number] ?? "";
  const parts = [lines.slice(0, number).map((each) => each + "\n").join("")];
  let place = 0;
  words.forEach(({ text }, index) => {
    const found = text ? line.indexOf(text, place) : -1;
    if (found < 0) return; // normalization changed it
    const coloured = make("mark", { textContent: text });
    coloured.style.setProperty("--weight", weights[index].toFixed(3));
    parts.push(line.slice(place, found), coloured);
    place = found + text.length;
  });
  parts.push(line.slice(place), lines.slice(number + 1).map((each) => "\n" + each).join(""), "\u200b");
  marks.replaceChildren(...parts);
  if (!weights.length) element("hint").textContent = "";
}

function showCandidates(result) {
  const candidates = result?.candidates ?? [];
  element("others").hidden = candidates.length < 2;
  const items = candidates.map((candidate, number) => {
    const text = make("span", { className: "text", dir: "auto", lang: about.target });
    text.textContent = candidate.text || "(nothing)";
    const score = make("span", { className: "score", textContent: candidate.score.toFixed(2).replace("-", "−") });
    const button = make("button", { type: "button" }, text, score);
    button.setAttribute("aria-pressed", String(number === state.candidate));
    button.addEventListener("click", () => {
      state.candidate = number;
      show();
      element("candidates").querySelectorAll("button")[number].focus();
    });
    return make("li", {}, button);
  });
  element("candidates").replaceChildren(...items);
}
