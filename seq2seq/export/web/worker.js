"use strict";
// The worker: it holds the model, and answers one text after the other, so that the page never freezes.

let model = null;

onmessage = async ({ data }) => {
  if (data.description) {
    model = await readModel(JSON.parse(data.description), data.weights);
    postMessage({ ready: true });
    return;
  }
  const start = performance.now();
  const result = report(model, translate(model, data.text, data.beamSize));
  postMessage({ ...data, ...result, milliseconds: performance.now() - start });
};
