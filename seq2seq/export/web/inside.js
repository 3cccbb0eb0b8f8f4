"use strict";
// Look inside: what happened while the chosen candidate was found.

const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
let stepShown = 0;

function showInside(result) {
  const candidate = result?.candidates[state.candidate];
  element("inside").hidden = !candidate;
  if (!candidate || !element("inside").open || !result.inside) return;
  stepShown = Math.min(stepShown, candidate.steps.length - 1);
  const views = [showSteps(result, candidate)];
  if (candidate.steps[0].weights) views.push(showAttention(result, candidate));
  if (result.beamSize > 1) views.push(showTree(result, candidate));
  views.push(showStates(result, candidate));
  element("views").replaceChildren(...views);
  pointAtStep();
}

/** Frames what belongs to the step that is shown, in the other views. */
function pointAtStep() {
  document.querySelectorAll(".now-row").forEach((row) => row.classList.remove("now-row"));
  const steps = `#views tr[data-step="${stepShown}"], #views g[data-step="${stepShown}"]`;
  document.querySelectorAll(steps).forEach((row) => row.classList.add("now-row"));
}

function view(title, text, ...content) {
  const head = [make("h3", { textContent: title }), make("p", { className: "note", textContent: text })];
  return make("section", { className: "view" }, ...head, ...content);
}

/** The map of attention: a row for each target token, a column for each source token. */
function showAttention(result, candidate) {
  const head = make("tr", {}, make("td"));
  for (const token of result.sourceTokens) head.append(tokenCell(token, "col"));
  const rows = candidate.steps.map(({ weights }, place) => {
    const row = make("tr", {}, tokenCell(candidate.tokens[place], "row"));
    row.dataset.step = place;
    weights.forEach((weight, index) => {
      const title = `${candidate.tokens[place]} → ${result.sourceTokens[index]}: ${percent(weight)}`;
      const cell = make("td", { className: "weight", title });
      cell.append(make("span", { className: "unseen", textContent: percent(weight) }));
      cell.style.setProperty("--weight", weight.toFixed(3));
      row.append(cell);
    });
    return row;
  });
  const table = make("table", { className: "attention" }, make("thead", {}, head), make("tbody", {}, ...rows));
  const text =
    "Where the decoder looked in the source, above, while it wrote each token, at the left: the stronger the " +
    "colour, the more.";
  return view("Attention", text, wide("Attention", table));
}

/** What may be wider than the page, and is moved there with a finger or the arrow keys. */
function wide(label, ...content) {
  const made = make("div", { className: "wide", tabIndex: 0 }, ...content);
  made.setAttribute("role", "region");
  made.setAttribute("aria-label", label);
  return made;
}

function tokenCell(token, scope) {
  return make("th", { scope }, make("span", { textContent: token }));
}

/** One step after the other: what might have come next, and where attention was. */
function showSteps(result, candidate) {
  const last = candidate.steps.length - 1;
  const slider = make("input", { type: "range", min: 0, max: last, value: stepShown });
  slider.setAttribute("aria-label", "Step");
  const shown = make("div", { className: "step" });
  const move = (to) => {
    stepShown = Math.max(0, Math.min(last, to));
    slider.value = stepShown;
    shown.replaceChildren(...showStep(result, candidate, stepShown));
    pointAtStep();
  };
  slider.addEventListener("input", () => move(Number(slider.value)));
  const back = make("button", { type: "button", textContent: "‹" });
  const forth = make("button", { type: "button", textContent: "›" });
  back.setAttribute("aria-label", "The step before");
  forth.setAttribute("aria-label", "The next step");
  back.addEventListener("click", () => move(stepShown - 1));
  forth.addEventListener("click", () => move(stepShown + 1));
  move(stepShown);
  const text =
    "The decoder writes token by token. At each step every token of its vocabulary has a probability; these are " +
    "the highest.";
  return view("Step by step", text, make("div", { className: "mover" }, back, slider, forth), shown);
}

function showStep(result, candidate, place) {
  const { distribution, weights, chosen } = candidate.steps[place];
  const before = make("p", { className: "tokens", dir: "auto" });
  candidate.tokens.slice(0, place + 1).forEach((token, index) => {
    before.append(make("span", { className: index === place ? "token now" : "token", textContent: token }));
  });
  const bars = make("ol", { className: "bars" });
  for (const { token, probability } of distribution) {
    const bar = make("span", { className: "bar" });
    bar.style.setProperty("--share", probability.toFixed(4));
    bars.append(
      make(
        "li",
        { className: token === chosen ? "chosen" : "" },
        make("span", { className: "name", dir: "auto", textContent: token }),
        bar,
        make("span", { className: "number", textContent: percent(probability) }),
      ),
    );
  }
  if (!weights) return [before, bars];
  const label = make("span", { className: "label", textContent: "looking at " });
  const looked = make("p", { className: "tokens", dir: "auto" }, label);
  result.sourceTokens.forEach((token, index) => {
    const shown = make("span", { className: "token weighed", textContent: token, title: percent(weights[index]) });
    shown.style.setProperty("--weight", weights[index].toFixed(3));
    looked.append(shown);
  });
  return [before, bars, looked];
}
