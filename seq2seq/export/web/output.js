"use strict";
// The translation, its words aligned with those of the source, and the candidates.

/** Of each line that is shown: its element, its text, and the answer and candidate it was made of. */
const shownLines = [];
/** The word that is pointed at, by the mouse or the arrow keys: its line, and its place there. */
let pointed = null;
/** The candidate that stands out in the list that is shown. */
let listed = null;
/** So many unknown words are named, and so many letters of each. */
const [NAMED, LETTERS_NAMED] = [5, 20];
const percent = (share) => (share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`);

/** Shows all that is known of what stands in the source; what is unchanged stays as it is. */
function show() {
  const output = element("output");
  state.lines.forEach((text, number) => {
    const [before, answer, candidate] = [shownLines[number], answerFor(text), shownCandidate(text, number)];
    if (before && before.text === text && before.answer === answer && before.candidate === candidate) return;
    const line = showLine(number, answer, candidate, before);
    if (pointed?.line === String(number)) pointAt(null);
    if (before) before.line.replaceWith(line);
    else output.append(line);
    shownLines[number] = { line, text, answer, candidate };
  });
  for (const { line } of shownLines.splice(state.lines.length)) line.remove();
  for (const lines of [output.children, element("marks").children]) {
    [...lines].forEach((line, number) => line.classList.toggle("chosen", isMarked(number)));
  }
  const areReady = state.lines.every((text) => !text.trim() || answerFor(text));
  element("copy").disabled = !areReady || !output.querySelector(".word");
  const text = state.lines[state.chosen] ?? "";
  showCandidates(text, answerFor(text));
  showInside(text, answerFor(text));
}

/** Of several lines, the chosen one is marked on both sides, and named over what is shown of it. */
const isMarked = (number) => state.lines.length > 1 && number === state.chosen;
const lineName = () => (state.lines.length > 1 ? `line ${state.chosen + 1}` : "");

/** Returns the candidate that is shown of a line, if there is one. */
function shownCandidate(text, number) {
  return answerFor(text)?.candidates[number === state.chosen ? state.candidate : 0];
}

/** Makes a line: its words, or what was there before while it is translated. */
function showLine(number, answer, candidate, before) {
  const line = make("p", { dir: "auto", className: "line" });
  if (candidate) {
    candidate.words.forEach(({ space, text }, place) => {
      const word = make("span", { className: "word", textContent: text });
      Object.assign(word.dataset, { line: number, place });
      line.append(space, word);
    });
    if (answer.isCut) line.append(make("span", { className: "problem", textContent: cutMessage() }));
    const unknown = unknownMessage(answer.sourceWords);
    if (unknown) line.append(make("span", { className: "note unknown-words", dir: "ltr", textContent: unknown }));
  } else if (answer?.error) {
    line.append(make("span", { className: "problem", textContent: `This can't be translated: ${answer.error}` }));
  } else if (!answer && state.lines[number].trim()) {
    line.textContent = before?.line.textContent || "…";
    line.classList.add("stale");
  }
  return line;
}

function cutMessage() {
  return ` (The line is longer than ${decoding.max_source_length} tokens, and was cut there.)`;
}

/** Says which words the model does not know, if there are any. */
function unknownMessage(words) {
  const unknown = words.filter(({ isUnknown }) => isUnknown).map(({ text }) => text);
  if (!unknown.length) return "";
  const named = [...new Set(unknown)].slice(0, NAMED).map((text) => {
    const letters = [...text];
    return letters.length > LETTERS_NAMED ? `${letters.slice(0, LETTERS_NAMED).join("")}…` : text;
  });
  if (new Set(unknown).size > NAMED) named.push("…");
  const count = unknown.length === 1 ? "1 word is" : `${unknown.length} words are`;
  // A name of another direction must not turn what stands beside it.
  const names = named.map((name) => `\u2068${name}\u2069`).join(", ");
  return `${count} unknown to the model (${names}): the translation may be nonsense.`;
}

/** The box that somebody was in last, source or translation: the other is scrolled along with it. */
let leading = null;

function scrollTogether() {
  const boxes = [element("reading"), element("output")];
  leading = boxes[0];
  for (const box of boxes) {
    for (const kind of ["pointerenter", "focusin", "input"]) box.addEventListener(kind, () => (leading = box));
    box.addEventListener("scroll", () => leading === box && scrollAlong());
  }
}

/** Scrolls the other box to the line that is on top of the leading one, and as far into it; at the end, to the end. */
function scrollAlong() {
  const linesOf = (box) => (box.id === "reading" ? element("marks") : box).children;
  const other = element(leading.id === "reading" ? "output" : "reading");
  const top = leading.getBoundingClientRect().top;
  const number = [...linesOf(leading)].findIndex((line) => line.getBoundingClientRect().bottom > top);
  if (!linesOf(other)[number]) return;
  const [seen, wanted] = [leading, other].map((box) => linesOf(box)[number].getBoundingClientRect());
  const share = (top - seen.top) / seen.height;
  const isAtEnd = leading.scrollTop > 0 && leading.scrollTop + leading.clientHeight > leading.scrollHeight - 2;
  if (isAtEnd) other.scrollTop = other.scrollHeight;
  else other.scrollTop += wanted.top + share * wanted.height - other.getBoundingClientRect().top;
}

/** Words are pointed at with the mouse, a finger or, in the translation, the arrow keys. */
function listenToWords() {
  const output = element("output");
  const wordAt = ({ target }) => target.closest?.(".word");
  output.addEventListener("pointerover", (event) => pointAt(wordAt(event)));
  output.addEventListener("pointerleave", () => pointAt(null));
  output.addEventListener("blur", () => pointAt(null));
  output.addEventListener("click", (event) => {
    const word = wordAt(event);
    if (word) chooseLine(Number(word.dataset.line));
    pointAt(word); // a finger has left it
  });
  output.addEventListener("keydown", moveByKey);
}

/** Arrow keys go from word to word, Enter chooses the line. */
function moveByKey(event) {
  const words = [...element("output").querySelectorAll(".word")];
  const place = words.findIndex(({ dataset }) => dataset.line === pointed?.line && dataset.place === pointed?.place);
  const isRightToLeft = words.length && getComputedStyle(words[Math.max(place, 0)].parentElement).direction === "rtl";
  const forward = isRightToLeft ? "ArrowLeft" : "ArrowRight";
  const backward = isRightToLeft ? "ArrowRight" : "ArrowLeft";
  const steps = { [forward]: 1, ArrowDown: 1, [backward]: -1, ArrowUp: -1 };
  if (event.key === "Enter" && pointed) chooseLine(Number(pointed.line));
  if (!steps[event.key]) return;
  event.preventDefault();
  const next = words[place < 0 ? 0 : Math.max(0, Math.min(words.length - 1, place + steps[event.key]))];
  next?.scrollIntoView({ block: "nearest" });
  pointAt(next);
}

/** Frames a word of the translation, marks the words of the source that it comes from, and says so. */
function pointAt(word) {
  element("output").querySelector(".pointed")?.classList.remove("pointed");
  pointed = word ? { ...word.dataset } : null;
  const line = state.lines[pointed?.line];
  const answer = line === undefined ? null : answerFor(line);
  const candidate = answer && shownCandidate(line, Number(pointed.line));
  const found = candidate?.words[pointed.place];
  word?.classList.add("pointed");
  const weights = found ? wordWeights(answer, candidate, found) : [];
  mark(Number(pointed?.line ?? 0), answer?.sourceWords ?? [], weights);
  element("hint").textContent = found ? hintFor(found.text, answer.sourceWords, weights) : "";
}

/** Returns how much of a word's attention each word of the source had; none without attention. */
function wordWeights({ sourceWords }, candidate, word) {
  if (!candidate.steps[0].weights) return [];
  const rows = word.tokens.map((token) => candidate.steps[token].weights);
  return sourceWords.map(({ tokens }) =>
    Math.max(...rows.map((row) => tokens.reduce((sum, token) => sum + row[token], 0))),
  );
}

function hintFor(text, sourceWords, weights) {
  if (!weights.length) return `“${text}” comes from the sentence as a whole: this model has no attention`;
  const best = weights.indexOf(Math.max(...weights));
  return `“${text}” looked at “${sourceWords[best].text}” with ${percent(weights[best])} of its attention`;
}

/** Colours words of a line of the source: a layer with the same text lies under it. */
function mark(number, words, weights) {
  const shown = element("source").value.split("\n").map((line, each) => {
    const className = isMarked(each) ? "line chosen" : "line";
    return make("p", { className }, ...(each === number ? markWords(line, words, weights) : [line]));
  });
  element("marks").replaceChildren(...shown);
}

/** Returns the parts of a line, its words coloured. */
function markWords(line, words, weights) {
  const lowered = line.toLowerCase();
  const parts = [];
  let place = 0;
  weights.forEach((weight, index) => {
    const found = lowered.indexOf(words[index].text.toLowerCase(), place);
    if (found < 0 || lowered.length !== line.length) return; // normalization changed it
    const end = found + words[index].text.length;
    const coloured = make("mark", { textContent: line.slice(found, end) });
    coloured.style.setProperty("--weight", weight.toFixed(3));
    parts.push(line.slice(place, found), coloured);
    place = end;
  });
  return [...parts, line.slice(place)];
}

/** Shows the candidates of the chosen line; while it is searched for, those of before, pale. */
function showCandidates(text, answer) {
  const candidates = answer?.candidates ?? [];
  const isAwaited = text.trim() && answer?.beamSize !== decoding.beam_size;
  if (candidates.length < 2) {
    listed = null;
    element("candidates").inert = true;
    if (!isAwaited) element("others").hidden = true;
    return;
  }
  element("others-name").textContent = lineName() ? `Candidates of ${lineName()}` : "Candidates";
  if (listed === candidates[state.candidate]) return;
  listed = candidates[state.candidate];
  const items = candidates.map((candidate, number) => {
    const shown = make("span", { className: "text", dir: "auto", textContent: candidate.text || "(nothing)" });
    const score = make("span", { className: "score", textContent: twoDigits(candidate.score) });
    const button = make("button", { type: "button" }, shown, score);
    button.setAttribute("aria-pressed", String(number === state.candidate));
    button.addEventListener("click", () => chooseCandidate(number));
    return make("li", {}, button);
  });
  element("score").textContent = `That of the chosen one: ${scoreFormula(listed)}`;
  element("others").hidden = false;
  element("candidates").inert = false;
  element("candidates").replaceChildren(...items);
}

const twoDigits = (number) => number.toFixed(2).replace("-", "−");

/** Says with its numbers how the score of a candidate comes about, see `finish` in search.js. */
function scoreFormula({ score, logProbability, tokens }) {
  const penalty = (((5 + tokens.length) / 6) ** decoding.length_penalty).toFixed(2);
  const formula = `((5 + ${tokens.length} tokens) / 6)^${decoding.length_penalty}`.replaceAll(" ", "\u00a0");
  const quotient = `${twoDigits(score)} = ${twoDigits(logProbability)} / ${penalty}`;
  return `${quotient}, where ${penalty} = ${formula} is the length penalty.`;
}

function chooseCandidate(number) {
  state.candidate = number;
  pointAt(null);
  show();
  element("candidates").querySelectorAll("button")[number].focus();
}
