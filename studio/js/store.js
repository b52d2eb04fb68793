// The video jobs that the page knows, each in its newest version. Views are told of changes.

import { isActive } from "./format.js";

const jobs = new Map();
const listeners = new Set();
let newest = "";

/** Take in a job. An older version than the known one changes nothing, except its place in the queue. */
export function put(job) {
  if (job.updatedAt > newest) newest = job.updatedAt;
  const known = jobs.get(job.id);
  if (known && known.version > job.version) return known;
  const ended = known && isActive(known) && !isActive(job);
  jobs.set(job.id, job);
  tell({ job, isNew: !known, ended: Boolean(ended) });
  return job;
}

export function remove(id) {
  if (jobs.delete(id)) tell({ removed: id });
}

export const active = () => [...jobs.values()].filter(isActive);
/** The greatest `updatedAt` that was seen: from there a stream goes on. */
export const newestChange = () => newest || null;

/** Hear of each change until the signal is aborted. */
export function onJobs(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener("abort", () => listeners.delete(listener));
}

function tell(event) {
  for (const listener of [...listeners]) listener(event);
}
