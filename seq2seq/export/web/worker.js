"use strict";
// A worker: it holds the model, and answers one text after the other, so that the page never freezes.

let model = null;

onmessage = async ({ data }) => {
  try {
    if (data.weights) {
      model = await readModel(data.weights);
      postMessage({ ready: true });
      return;
    }
    const start = performance.now();
    const answer = report(model, translate(model, data.text, data.beamSize), data.inside);
    postMessage({ ...data, ...answer, milliseconds: performance.now() - start });
  } catch (error) {
    postMessage({ error: error.message });
  }
};
