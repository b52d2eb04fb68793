// Keeps the store as it is on the server: by subscriptions that go on where they were, by asking where there are none.

import { read, serverNow } from "./api.js";
import { FOLLOW_DELETIONS, FOLLOW_JOBS, JOBS } from "./documents.js";
import { signOut } from "./session.js";
import { connection } from "./socket.js";
import * as store from "./store.js";

const MOST = 50;
const POLL_MS = 3000;
const LONGEST_WAIT_MS = 15_000;
const REFUSED = new Set([4401, 4403]);
const MINUTE_MS = 60_000;

const streams = new Set();
let socket = null;
let open = false;
let failures = 0;
let retry = null;
let poll = null;
let stopped = new AbortController();

/** `is`: "Live", "Polling", "Connecting" or "Offline". */
export const state = { is: "Connecting", changed() {} };

function become(next) {
  state.is = next;
  state.changed();
}

export function start() {
  stop();
  stopped = new AbortController();
  const began = new Date(serverNow() - MINUTE_MS).toISOString();
  const since = () => ({ since: store.newestChange() ?? began });
  follow(FOLLOW_JOBS, since, store.put, stopped.signal, () => socket?.end());
  follow(FOLLOW_DELETIONS, since, (gone) => store.remove(gone.videoJobId), stopped.signal);
  connect();
  poll = setInterval(ask, POLL_MS);
}

export function stop() {
  clearTimeout(retry);
  clearInterval(poll);
  stopped.abort();
  drop();
}

/** Follow a document of one field over each connection that there is; `variables()` says where to begin, `done()` hears of its end. */
export function follow(query, variables, next, signal, done) {
  const stream = { query, variables, next, done, end() {} };
  streams.add(stream);
  if (open) stream.end = socket.subscribe(stream);
  signal.addEventListener("abort", () => {
    streams.delete(stream);
    stream.end();
  });
}

function connect() {
  clearTimeout(retry);
  if (!navigator.onLine) return become("Offline");
  if (failures === 0) become("Connecting");
  const mine = connection(() => mine === socket && opened(), (code) => mine === socket && closed(code));
  socket = mine;
}

function opened() {
  failures = 0;
  open = true;
  streams.forEach((stream) => (stream.end = socket.subscribe(stream)));
  become("Live");
}

function closed(code) {
  drop();
  if (REFUSED.has(code)) return signOut("Your token is no longer valid. Sign in with a new one.");
  failures += 1;
  become(navigator.onLine ? (failures > 1 ? "Polling" : "Connecting") : "Offline");
  retry = setTimeout(connect, Math.min(500 * 2 ** failures, LONGEST_WAIT_MS));
}

function drop() {
  const old = socket;
  socket = null;
  open = false;
  old?.end();
}

/** Ask what a stream does not tell: places in the queue; and everything while there is no stream. */
async function ask() {
  if (document.hidden || !navigator.onLine) return;
  const waiting = store.active().filter((job) => !open || job.status === "PENDING").map((job) => job.id).slice(0, MOST);
  const take = async (variables) => (await read(JOBS, variables)).nodes.map(store.put);
  try {
    if (waiting.length) {
      const found = await take({ ids: waiting, first: MOST });
      waiting.filter((id) => !found.some((job) => job.id === id)).forEach(store.remove);
    }
    if (!open) await take({ first: 10 });
  } catch {
    // The next time comes by itself.
  }
}

function wake() {
  if (open || stopped.signal.aborted || poll === null) return;
  failures = 0;
  drop();
  connect();
}

window.addEventListener("online", wake);
window.addEventListener("offline", () => {
  become("Offline");
  drop();
});
document.addEventListener("visibilitychange", () => document.hidden || wake());
