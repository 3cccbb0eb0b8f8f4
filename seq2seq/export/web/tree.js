"use strict";
// The beam as a tree, from left to right: a column for each step, the best hypothesis of a step on top.

const [COLUMN, ROW, BOX] = [104, 30, 84];

function draw(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function showTree(result, candidate) {
  const { nodes } = result;
  const ranks = rankNodes(nodes);
  const best = bestPath(nodes, candidate);
  const depth = nodes.reduce((most, node) => Math.max(most, node.depth), 0);
  const rows = Math.max(...ranks) + 1;
  const size = { width: (depth + 1) * COLUMN, height: rows * ROW };
  const tree = draw("svg", { ...size, class: "tree", role: "img", "aria-label": "The hypotheses of the beam" });
  const root = { token: "<bos>", depth: 0, kept: true };
  tree.append(drawNode(root, 0, null, 0, true));
  // Those on the way to the candidate come last, so that they lie on top.
  const order = nodes.map((_, number) => number).sort((one, other) => weightOf(one) - weightOf(other));
  function weightOf(number) {
    return (nodes[number].kept ? 1 : 0) + (best.has(number) ? 2 : 0);
  }
  for (const number of order) {
    const node = nodes[number];
    const parent = nodes[node.parent] ?? root;
    tree.append(drawNode(node, ranks[number], parent, ranks[node.parent] ?? 0, best.has(number)));
  }
  const text =
    "The search follows several hypotheses at once, the best one of each step on top. Grey ones were given up; " +
    "the strong line is the candidate that was chosen.";
  const made = view("The beam", text, wide("The beam", tree));
  made.classList.add("whole");
  return made;
}

/** Returns the place of each node among those of its step; they stand there in the order of the search. */
function rankNodes(nodes) {
  const counts = new Map();
  return nodes.map(({ depth }) => {
    const rank = counts.get(depth) ?? 0;
    counts.set(depth, rank + 1);
    return rank;
  });
}

/** Returns the numbers of the nodes that lead to a candidate. */
function bestPath(nodes, candidate) {
  const path = new Set();
  for (let number = candidate.end; number >= 0; number = nodes[number].parent) path.add(number);
  return path;
}

function drawNode(node, rank, parent, parentRank, isBest) {
  const [x, y] = [node.depth * COLUMN, rank * ROW + ROW / 2];
  const group = draw("g", { class: isBest ? "kept best" : node.kept ? "kept" : "", "data-step": node.depth - 1 });
  if (parent) {
    const [fromX, fromY] = [parent.depth * COLUMN + BOX, parentRank * ROW + ROW / 2];
    const middle = (fromX + x) / 2;
    group.append(draw("path", { d: `M ${fromX} ${fromY} C ${middle} ${fromY} ${middle} ${y} ${x} ${y}` }));
  }
  const name = [...node.token];
  const label = name.length > 11 ? name.slice(0, 10).join("") + "…" : node.token;
  const probability = node.probability === undefined ? "" : `: ${percent(node.probability)}`;
  group.append(
    draw("title", {}, `${node.token}${probability}`),
    draw("rect", { x, y: y - 11, width: BOX, height: 22, rx: 6 }),
    draw("text", { x: x + BOX / 2, y: y + 4, "text-anchor": "middle" }, label),
  );
  return group;
}
