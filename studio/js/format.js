// How values are written for people, in the browser's language.

// Intl takes its time when it is first used, so the first view does without it: the page is in English, its digits Latin.
const LATIN = { numberingSystem: "latn" };
let relative = null;
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

export const number = (value) => (Number.isInteger(value) && Math.abs(value) < 1000 ? String(value) : value.toLocaleString(undefined, LATIN));
export const tokens = (value) => `${number(value)} ${Math.abs(value) === 1 ? "token" : "tokens"}`;
export const counted = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;
export const date = dated({ dateStyle: "medium" });
export const dateTime = dated({ dateStyle: "medium", timeStyle: "short" });
export const clock = dated({ timeStyle: "medium" });
export const signed = (value) => (value > 0 ? `+${number(value)}` : number(value));

function dated(form) {
  let format = null;
  return (text) => (format ??= new Intl.DateTimeFormat(undefined, form)).format(new Date(text));
}

/** Say how long ago it was: "5 minutes ago". */
export function ago(text) {
  const seconds = (new Date(text) - Date.now()) / 1000;
  for (const [unit, size] of UNITS) {
    if (Math.abs(seconds) >= size) return (relative ??= new Intl.RelativeTimeFormat(undefined, { numeric: "auto" })).format(Math.round(seconds / size), unit);
  }
  return "just now";
}

/** Say how long something takes: "40 s", "3 min". */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return `${number(Math.round(seconds / 60))} min`;
}

export const price = (value) => value.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** Write a code for people: "Tier change". */
export const words = (code) => code[0].toUpperCase() + code.slice(1).toLowerCase().replaceAll("_", " ");

export const STATUS = {
  PENDING: "Waiting",
  RUNNING: "Generating",
  SUCCEEDED: "Ready",
  FAILED: "Failed",
  CANCELLED: "Cancelled",
};
export const isActive = (job) => job.status === "PENDING" || job.status === "RUNNING";

/** Say what form a video has: "720p · 16:9 · 8 s · silent · sample". */
export function form(job) {
  const parts = [job.resolution, job.aspectRatio, `${job.durationSeconds} s`, job.generateAudio ? "sound" : "silent"];
  return [...parts, job.mockMode ? "sample" : "real"].join(" · ");
}

const CHANGE = "Change the prompt or the images, then generate again.";
const ADVICE = {
  CONTENT_FILTERED: CHANGE,
  REJECTED_BY_GENERATOR: CHANGE,
  SUBMISSION_UNCERTAIN: "Nobody knows whether the generator has it, so it was not sent twice. Try again.",
};

export const advice = (job) => ADVICE[job.errorCode] ?? "Try again. If it fails again, tell whoever runs this server.";
