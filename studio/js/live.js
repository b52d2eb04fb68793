// Keeps the store as it is on the server: by subscriptions that go on where they were, by asking where there are none.

import { run, serverNow } from "./api.js";
import { FOLLOW_DELETIONS, FOLLOW_JOBS, FOLLOW_LOG, JOBS, SOME_JOBS } from "./documents.js";
import { signOut } from "./session.js";
import { Socket } from "./socket.js";
import * as store from "./store.js";

const POLL_MS = 3000;
const LONGEST_WAIT_MS = 15_000;
const REFUSED = new Set([4401, 4403]);
const MINUTE_MS = 60_000;

const states = new EventTarget();
let socket = null;
let open = false;
let failures = 0;
let retry = null;
let poll = null;
let began = null;
const logs = new Set();

/** "live", "polling", "connecting" or "offline". */
export let state = "connecting";

export function onState(listener, signal) {
  states.addEventListener("change", listener, { signal });
}

function become(next) {
  if (state === next) return;
  state = next;
  states.dispatchEvent(new Event("change"));
}

/** Begin to follow all jobs of whoever is signed in. */
export function start() {
  stop();
  began = new Date(serverNow() - MINUTE_MS).toISOString();
  connect();
  poll = setInterval(ask, POLL_MS);
}

export function stop() {
  clearTimeout(retry);
  clearInterval(poll);
  const old = socket;
  socket = null;
  open = false;
  old?.close();
}

/** Follow a job's log; lines come from after `cursor`, which moves on with them. */
export function followLog(id, cursor, next, signal) {
  const log = { id, cursor, next, end: () => {} };
  logs.add(log);
  if (open) subscribeLog(log);
  signal.addEventListener("abort", () => {
    logs.delete(log);
    log.end();
  });
}

function subscribeLog(log) {
  log.end = socket.subscribe(FOLLOW_LOG, { id: log.id, after: log.cursor }, ({ videoJobLogs: line }) => {
    log.cursor = line.cursor;
    log.next(line);
  });
}

function connect() {
  clearTimeout(retry);
  if (!navigator.onLine) return become("offline");
  if (failures === 0) become("connecting");
  const mine = new Socket({ open: () => opened(mine), close: (code) => mine === socket && closed(code) });
  socket = mine;
}

function opened(mine) {
  if (mine !== socket) return;
  failures = 0;
  open = true;
  const since = store.newestChange() ?? began;
  socket.subscribe(FOLLOW_JOBS, { since }, ({ videoJobs }) => store.put(videoJobs), reconnect);
  socket.subscribe(FOLLOW_DELETIONS, { since }, ({ videoJobDeletions: gone }) => store.remove(gone.videoJobId));
  logs.forEach(subscribeLog);
  become("live");
}

function closed(code) {
  open = false;
  socket = null;
  if (REFUSED.has(code)) return signOut("Your token is no longer valid. Sign in with a new one.");
  failures += 1;
  become(navigator.onLine ? (failures > 1 ? "polling" : "connecting") : "offline");
  retry = setTimeout(connect, Math.min(500 * 2 ** failures, LONGEST_WAIT_MS));
}

function reconnect() {
  socket?.close();
}

/** Ask what a stream does not tell: places in the queue; and everything while there is no stream. */
async function ask() {
  if (document.hidden || !navigator.onLine) return;
  const waiting = store.active().filter((job) => !open || job.status === "PENDING").map((job) => job.id);
  try {
    if (waiting.length) {
      const { nodes } = await run(SOME_JOBS, { ids: waiting.slice(0, 50) });
      nodes.forEach((job, place) => (job ? store.put(job) : store.remove(waiting[place])));
    }
    if (!open) {
      const { videoJobs } = await run(JOBS, { first: 10 });
      videoJobs.nodes.forEach(store.put);
    }
  } catch {
    // The next time comes by itself.
  }
}

function wake() {
  if (open || poll === null) return;
  failures = 0;
  const old = socket;
  socket = null;
  old?.close();
  connect();
}

window.addEventListener("online", wake);
window.addEventListener("offline", () => {
  become("offline");
  open = false;
  const old = socket;
  socket = null;
  old?.close();
});
document.addEventListener("visibilitychange", () => document.hidden || wake());
