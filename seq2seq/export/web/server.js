"use strict";
// What the searchers ask on a page that comes from a server: the server, by the methods of a worker.

/** What is inside is not asked for. */
const showInside = () => {};
const listenToTimeline = () => {};

/** A server has other things to do than what is half typed: it searches with the beam, when typing rests. */
const beamSizes = () => [decoding.beam_size];

/** The key of the server, asked for once if it wants one, and kept until the tab is closed. */
const storedKey = () => sessionStorage.getItem("api_key") ?? "";

/** Starts what answers texts, one after the other, as worker.js does. */
function startWorker() {
  const server = { postMessage, terminate: () => stop.abort() };
  const stop = new AbortController();
  async function postMessage(data) {
    const found = await askServer(data.text, stop.signal).catch((error) => ({ error: error.message }));
    const answer = found.error ? { candidates: [], sourceWords: [] } : report(description, found, false);
    if (!stop.signal.aborted) server.onmessage({ data: { ...data, ...answer, error: found.error } });
  }
  setTimeout(() => server.onmessage({ data: { ready: true } }));
  return server;
}

/** Asks for the candidates of a line, and returns them as `translate` does in translator.js. */
async function askServer(text, signal) {
  const key = storedKey();
  const { source_language: source, target_language: target } = about;
  const body = JSON.stringify({ q: text, source, target, api_key: key });
  const headers = { "Content-Type": "application/json" };
  const response = await fetch("candidates", { method: "POST", headers, body, signal });
  const answer = await response.json();
  if (response.status === 403 && hasNewKey(key)) return askServer(text, signal);
  if (response.status === 429) {
    await new Promise((go) => setTimeout(go, 1000 * (Number(response.headers.get("Retry-After")) || 1)));
    return askServer(text, signal);
  }
  if (answer.error) return answer;
  const candidates = answer.candidates.map(({ tokens, attention, ...each }) => ({
    ...each,
    names: tokens,
    path: (attention ?? [null]).map((weights) => ({ step: { weights } })),
  }));
  return { ...answer, candidates };
}

/** Asks the person for a key, if the one that was used is still the last one that there is. */
function hasNewKey(used) {
  if (storedKey() === used) sessionStorage.setItem("api_key", prompt("This server wants a key:") ?? "");
  return storedKey() !== used;
}
