"use strict";
// A worker: it holds the model, and answers one text after the other, so that the page never freezes.

let model = null;

onmessage = async ({ data }) => {
  try {
    if (data.description) {
      model = await readModel(data.description, data.weights);
      postMessage({ ready: true });
    } else {
      const found = translate(model, data.text, data.beamSize);
      postMessage({ ...data, ...report(model, found, data.inside) });
    }
  } catch (error) {
    postMessage({ ...(data.description ? {} : data), candidates: [], error: error.message });
  }
};
