"use strict";
// What the searchers ask on a page that has its model inside: a worker that holds it. On a server's page,
// server.js has functions of the same names.

let workerAddress = "";

/** Greedy search has a worker of its own, so that it never waits for the beam. */
const beamSizes = () => [...new Set([1, decoding.beam_size])];

/** Starts what answers texts, one after the other, as worker.js does. */
function startWorker() {
  const source = new Blob([element("worker").textContent], { type: "text/javascript" });
  workerAddress ||= URL.createObjectURL(source);
  const worker = new Worker(workerAddress);
  worker.postMessage({
    description: element("description").textContent,
    weights: element("weights").textContent,
  });
  return worker;
}
