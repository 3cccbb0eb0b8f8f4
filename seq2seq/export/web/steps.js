"use strict";
// Look inside, token by token: how texts are cut, what might have come next, and where attention was.

/** What the signs of the tokenizers mean. */
const SPACE_SIGN = " The pale ▁ stands for a space.";
const SIGNS = {
  sentencepiece: SPACE_SIGN,
  character: SPACE_SIGN,
  word: " The pale ￭ stands where a token follows another without a space.",
};
/** Scripts that are written from top to bottom as they are. */
const UPRIGHT = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

/** Scripts that are written from right to left, the first letter of a text decides. */
const RIGHT_TO_LEFT = /^[^\p{L}]*[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** Both sides as tokens: those of the source are as strong as the attention that they have. */
function showTokens(seen) {
  const { sourceTokens, sourceLength, steps } = seen;
  const known = new Set(description.source.vocabulary);
  const source = sourceTokens.map((token, place) => tokenButton(token, place, known.has(token)));
  const target = steps.map(({ token }, place) => tokenButton(token, sourceTokens.length + place, true));
  const count = known.size.toLocaleString("en");
  const isUnknown = sourceTokens.some((token) => !known.has(token));
  const text =
    "Both texts as the model has them, cut into tokens: the encoder reads the first row, the decoder writes the " +
    `second, until <eos>, the end of the sentence.${SIGNS[description.source.tokenizer.kind] ?? ""}` +
    (isUnknown ? ` A dotted token is not among the ${count} of the vocabulary, and is read as <unk>.` : "");
  const move = ({ read, written }) => {
    const weights = written ? steps[written - 1].weights : null;
    source.forEach((token, place) => token.style.setProperty("--weight", weights ? weights[place].toFixed(3) : 0));
    if (!readsBothWays(seen)) return;
    source.forEach((token, place) => {
      const fromTheEnd = sourceLength - place; // the moment at which it is read from there, from 1 on
      if (fromTheEnd <= read) token.classList.remove("later");
      if (fromTheEnd === read && !written) token.classList.add("now");
    });
  };
  return view("Tokens", text, [tokenRow("Source", source), tokenRow("Translation", target)], move, true);
}

function tokenRow(name, tokens) {
  const row = make("p", { className: "tokens", dir: "auto" }, ...tokens);
  row.setAttribute("aria-label", name);
  row.setAttribute("role", "group");
  return row;
}

function tokenButton(token, place, isKnown) {
  const made = make("span", { className: isKnown ? "token" : "token unknown" }, ...tokenParts(token));
  made.dataset.place = place;
  return made;
}

/** Returns the letters of a token, and its signs, which are paler. */
function tokenParts(token, makeSign = (textContent) => make("span", { className: "sign", textContent })) {
  return token.split(/([▁￭]+)/).map((part, number) => (number % 2 ? makeSign(part) : part));
}

/** The probabilities of what might have been written at a step. */
function showNext({ sourceTokens, steps }) {
  const bars = make("ol", { className: "bars" });
  const none = make("p", { className: "note", textContent: "Nothing is written yet: the encoder still reads." });
  const move = ({ written }) => {
    none.hidden = Boolean(written);
    bars.replaceChildren(...(written ? shownProbabilities(steps[written - 1]).map(showBar) : []));
  };
  const text =
    "At each step every token of the vocabulary has a probability; here are the highest, and bold is what this " +
    "candidate goes on with.";
  return view("What might come next", text, [none, bars], move);
}

/** Returns {name, share, isChosen} of the most probable tokens, of the one that was chosen, and of the rest. */
function shownProbabilities({ distribution, token, probability }) {
  const shown = distribution.map((each) => ({
    name: each.token,
    share: each.probability,
    isChosen: each.token === token,
  }));
  if (!shown.some(({ isChosen }) => isChosen)) shown.push({ name: token, share: probability, isChosen: true });
  const rest = 1 - shown.reduce((sum, { share }) => sum + share, 0);
  return [...shown, { name: "all others", share: Math.max(0, rest), isRest: true }];
}

function showBar({ name, share, isChosen, isRest }) {
  const bar = make("span", { className: "bar" });
  bar.style.setProperty("--share", share.toFixed(4));
  return make(
    "li",
    { className: isChosen ? "chosen" : isRest ? "rest" : "" },
    make("span", { className: "name", dir: "auto" }, ...tokenParts(name)),
    bar,
    make("span", { className: "number", textContent: percent(share) }),
  );
}

/** The map of attention: a row for each target token, a column for each source token. */
function showAttention({ sourceTokens, sourceLength, steps }) {
  if (!steps[0].weights) return null;
  const head = make("tr", {}, make("td"), ...sourceTokens.map((token) => tokenCell(token, "col")));
  const rows = steps.map(({ token, weights }, step) => {
    const cells = [...weights].map((weight, place) => {
      const title = `${token} → ${sourceTokens[place]}: ${percent(weight)}`;
      const cell = make("td", { className: "weight", title });
      cell.append(make("span", { className: "unseen", textContent: percent(weight) }));
      cell.style.setProperty("--weight", weight.toFixed(3));
      return cell;
    });
    const row = make("tr", {}, tokenCell(token, "row"), ...cells);
    row.dataset.place = sourceTokens.length + step;
    return row;
  });
  const table = make("table", { className: "attention", dir: directionOf(sourceTokens) });
  table.append(make("thead", {}, head), make("tbody", {}, ...rows));
  const text =
    "Each row is a token of the translation, and shows where in the source, above, the decoder looked while it " +
    "wrote it: the stronger the colour, the more." +
    (sourceLength > sourceTokens.length ? undrawnAttention(sourceTokens, sourceLength, steps) : "");
  return view("Attention", text, [wide("Attention", table)]);
}

/** Says why a map of a long text may be pale. */
function undrawnAttention(sourceTokens, sourceLength, steps) {
  const drawn = steps.reduce((sum, { weights }) => sum + weights.reduce((one, other) => one + other, 0), 0);
  const share = percent(Math.max(0, 1 - drawn / steps.length));
  return ` Only ${sourceTokens.length} of ${sourceLength} source tokens are here: ${share} of the attention is on the others.`;
}

/** The direction in which the columns of tokens follow each other; special tokens have none. */
function directionOf(tokens) {
  return RIGHT_TO_LEFT.test(tokens.join("").replace(/<\w+>/g, "")) ? "rtl" : "ltr";
}

function tokenCell(token, scope) {
  const made = make("th", { scope }, make("span", { dir: "auto" }, ...tokenParts(token)));
  if (scope === "col" && UPRIGHT.test(token)) made.className = "upright";
  return made;
}
