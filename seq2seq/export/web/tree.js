"use strict";
// The beam as a tree, from left to right: a column for each step, the best hypothesis of a step on top.

const [COLUMN, ROW, BOX, HIGH] = [112, 48, 88, 38];
/** So many letters fit into a box; those of East Asia are as wide as two. */
const LETTERS = 11;

function draw(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function showTree({ sourceTokens, nodes, beamSize, candidate }) {
  if (beamSize < 2) return null;
  const root = { token: BEGIN, depth: 0, total: 0, rank: 0, kept: true, isBest: true };
  const placed = placeNodes(nodes, root);
  const depth = Math.max(...placed.map((node) => node.depth));
  const rows = Math.max(...placed.map(({ rank }) => rank)) + 1;
  const dead = nodes.filter(({ kept }) => !kept).length;
  const label = `${nodes.length} hypotheses in ${depth} steps; ${dead} lead to none of the candidates`;
  const size = { width: (depth + 1) * COLUMN - (COLUMN - BOX) + 4, height: rows * ROW };
  const tree = draw("svg", { ...size, class: "tree", role: "img", "aria-label": label });
  // Those on the way to the candidate come last, so that they lie on top.
  const weight = ({ kept, isBest }) => (kept ? 1 : 0) + (isBest ? 2 : 0);
  const ordered = [root, ...placed].sort((one, other) => weight(one) - weight(other));
  tree.append(...ordered.map((node) => drawNode(node, sourceTokens.length)));
  const text =
    `The ${beamSize} best beginnings at each step, the best on top, with the log-probability of all their tokens: ` +
    "the strong line is this candidate, and grey branches were given up. After an <eos> the search goes on, until no " +
    `beginning can become one of the ${beamSize} best any more. At its <eos> the log-probability is divided by the ` +
    `length penalty; that is the candidate's score: ${scoreFormula(candidate)}`;
  return view("The beam", text, [wide("The beam", tree)], null, true);
}

/** Returns nodes with their parent, their rank among those of their step, and their log-probability so far. */
function placeNodes(nodes, root) {
  const counts = new Map();
  const placed = [];
  for (const node of nodes) {
    const rank = counts.get(node.depth) ?? 0;
    const parent = placed[node.parent] ?? root;
    counts.set(node.depth, rank + 1);
    placed.push({ ...node, parent, rank, total: parent.total + Math.log(node.probability) });
  }
  return placed;
}

function drawNode({ token, depth, rank, parent, total, probability, kept, isBest }, reads) {
  const [x, y] = [depth * COLUMN + 2, rank * ROW + ROW / 2];
  const group = draw("g", { class: isBest ? "kept best" : kept ? "kept" : "dead", "data-place": reads + depth - 1 });
  if (parent) {
    const [fromX, fromY] = [parent.depth * COLUMN + 2 + BOX, parent.rank * ROW + ROW / 2];
    const middle = (fromX + x) / 2;
    const share = `${token}: ${percent(probability)} after what is before it`;
    group.append(draw("title", {}, share));
    group.append(draw("path", { d: `M ${fromX} ${fromY} C ${middle} ${fromY} ${middle} ${y} ${x} ${y}` }));
  }
  const center = { x: x + BOX / 2, "text-anchor": "middle" };
  group.append(draw("rect", { x, y: y - HIGH / 2, width: BOX, height: HIGH, rx: 6 }));
  group.append(draw("text", { ...center, y: parent ? y - 3 : y + 4 }, ...tokenParts(shortened(token), drawSign)));
  if (parent) group.append(draw("text", { ...center, y: y + 13, class: "total" }, twoDigits(total)));
  return group;
}

const drawSign = (text) => draw("tspan", { class: "sign" }, text);

function shortened(token) {
  const letters = [...token];
  let [count, width] = [0, 0];
  while (count < letters.length && width <= LETTERS) width += UPRIGHT.test(letters[count++]) ? 2 : 1;
  return width <= LETTERS ? token : letters.slice(0, count - 2).join("") + "…";
}
