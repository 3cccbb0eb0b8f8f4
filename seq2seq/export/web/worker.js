"use strict";
// A worker: it holds the model, and answers one text after the other, so that the page never freezes.

let model = null;

onmessage = async ({ data }) => {
  try {
    if (data.description) {
      model = await readModel(JSON.parse(data.description), data.weights);
      postMessage({ ready: true });
    } else {
      const found = translate(model, data.text, data.beamSize);
      postMessage({ ...data, ...report(model, found, data.inside), isCut: isCut(data.text) });
    }
  } catch (error) {
    postMessage({ ...(data.description ? {} : data), candidates: [], error: String(error) });
  }
};

/** Whether a text has more tokens than are read. */
function isCut(text) {
  return tokenize(model.source.tokenizer, text).length > model.decoding.max_source_length;
}
