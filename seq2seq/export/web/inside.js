"use strict";
// Look inside: what happened while the chosen candidate was found, moment by moment. First the encoder
// reads the source, token by token; then the decoder writes the translation, token by token.

/** So many tokens of each side are drawn. */
const DRAWN = 60;
/** How long a moment lasts while it plays, in milliseconds. */
const MOMENT = 900;
/** How wide the edge is at which a view fades, see style.css, in pixels. */
const FADED = 24;

/** What is looked at: a candidate of a text, its views, the place in time, the timer while it plays. */
const timeline = { candidate: null, text: null, seen: null, views: [], place: 0, timer: 0 };

function showInside(text, answer) {
  const candidate = answer?.candidates[state.candidate];
  if (!text.trim() || (answer && !candidate)) element("inside").hidden = true;
  if (!candidate) return; // what was there before stays until there is an answer
  element("inside").hidden = false;
  element("inside-name").textContent = `Look inside ${lineName()}`.trim();
  if (!element("inside").open || !answer.inside || timeline.candidate === candidate) return;
  const seen = seenOf(answer, candidate);
  const made = [showTokens, showNext, showAttention, showContext, showTree, showEncoder, showDecoder];
  const views = made.map((each) => each(seen)).filter((each) => each);
  const place = timeline.text === text ? timeline.place : seen.sourceTokens.length;
  Object.assign(timeline, { candidate, text, seen, views, place });
  const isCut = Math.max(answer.sourceTokens.length, candidate.tokens.length) > DRAWN;
  element("cut").textContent = isCut ? `The text is long: the first ${DRAWN} tokens of each side are shown.` : "";
  element("timeline").hidden = false;
  element("views").replaceChildren(...views.map(({ section }) => section));
  moveTo(place);
}

/** Returns what is drawn of a candidate. */
function seenOf(answer, candidate) {
  const path = [];
  for (let number = candidate.end; number >= 0; number = answer.nodes[number].parent) path.unshift(number);
  const steps = candidate.steps.slice(0, DRAWN).map((step, place) => ({
    ...step,
    token: candidate.tokens[place],
    probability: answer.nodes[path[place]].probability,
    weights: step.weights && step.weights.slice(0, DRAWN),
  }));
  const nodes = answer.nodes.map((node, number) => ({ ...node, isBest: path.includes(number) }));
  return {
    candidate,
    beamSize: answer.beamSize,
    sourceTokens: answer.sourceTokens.slice(0, DRAWN),
    sourceLength: answer.sourceTokens.length, // of all tokens, drawn or not
    steps,
    nodes: nodes.filter(({ depth }) => depth <= DRAWN), // in the order of depth: their numbers stay
    encoderSeen: answer.encoderSeen.map((sides) => sides.map((side) => side.slice(0, DRAWN))),
  };
}

function listenToTimeline() {
  const go = (to) => () => {
    pause();
    moveTo(to());
  };
  element("moment").addEventListener("input", go(() => Number(element("moment").value)));
  element("before").addEventListener("click", go(() => timeline.place - 1));
  element("after").addEventListener("click", go(() => timeline.place + 1));
  element("play").addEventListener("click", () => (timeline.timer ? pause() : play()));
  addEventListener("resize", showEdges);
  element("views").addEventListener("click", ({ target }) => {
    const shown = target.closest("[data-place]");
    if (shown) go(() => Number(shown.dataset.place))();
  });
}

/** Moves from moment to moment by itself; from the beginning, if it stands at the end. */
function play() {
  element("play").textContent = "Pause";
  if (timeline.place === lastMoment()) moveTo(0);
  timeline.timer = setInterval(() => {
    if (timeline.place === lastMoment()) pause();
    else moveTo(timeline.place + 1);
  }, MOMENT);
}

function pause() {
  clearInterval(timeline.timer);
  timeline.timer = 0;
  element("play").textContent = "Play";
}

const lastMoment = () => timeline.seen.sourceTokens.length + timeline.seen.steps.length - 1;

/** Shows a moment: how many tokens are read, and how many written. */
function moveTo(to) {
  const place = Math.max(0, Math.min(lastMoment(), to));
  const count = timeline.seen.sourceTokens.length;
  const moment = { read: Math.min(place + 1, count), written: Math.max(0, place + 1 - count) };
  const slider = element("moment");
  const name = momentName(timeline.seen, moment);
  timeline.place = place;
  Object.assign(slider, { max: lastMoment(), value: place });
  slider.setAttribute("aria-valuetext", name);
  element("moment-name").textContent = name;
  for (const shown of element("views").querySelectorAll("[data-place]")) {
    shown.classList.toggle("now", Number(shown.dataset.place) === place);
    shown.classList.toggle("later", Number(shown.dataset.place) > place);
  }
  for (const { move } of timeline.views) move?.(moment);
  element("views").querySelectorAll(".wide").forEach(keepInSight);
  showEdges();
}

/** What goes on beyond an edge fades there. */
function showEdges() {
  for (const region of element("views").querySelectorAll(".wide")) {
    const hidden = region.scrollWidth - region.clientWidth - region.scrollLeft;
    region.classList.toggle("more-before", region.scrollLeft > 1);
    region.classList.toggle("more-after", hidden > 1);
  }
}

/** Moves what is wider than the page to where the moment is. */
function keepInSight(region) {
  const now = region.querySelector(".now:not(tr)")?.getBoundingClientRect();
  const seen = region.getBoundingClientRect();
  if (now && now.left < seen.left + FADED) region.scrollLeft -= seen.left + FADED - now.left;
  if (now && now.right > seen.right - FADED) region.scrollLeft += now.right - seen.right + FADED;
}

function momentName(seen, { read, written }) {
  const { sourceTokens, sourceLength, steps, candidate } = seen;
  if (written) return `The decoder writes token ${written} of ${candidate.tokens.length}: ${steps[written - 1].token}`;
  const name = `The encoder reads token ${read} of ${sourceLength}: ${sourceTokens[read - 1]}`;
  const other = sourceTokens[sourceLength - read]; // if it is drawn
  return readsBothWays(seen) && other ? `${name}; at the same time, from the end: ${other}` : name;
}

const readsBothWays = ({ encoderSeen }) => encoderSeen.some((sides) => sides.length > 1);

/** Makes a view: its title, what is seen in one sentence, the content, and what a moment changes. */
function view(title, text, content, move, isWhole = false) {
  const head = [make("h3", { textContent: title }), make("p", { className: "note", textContent: text })];
  return { section: make("section", { className: isWhole ? "view whole" : "view" }, ...head, ...content), move };
}

/** What may be wider than the page, and is moved there with a finger or the arrow keys. */
function wide(label, ...content) {
  const made = make("div", { className: "wide", tabIndex: 0 }, ...content);
  made.addEventListener("scroll", showEdges);
  made.setAttribute("role", "region");
  made.setAttribute("aria-label", label);
  return made;
}
