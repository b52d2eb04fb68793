// A video job as a card: what it is, how far it is, and what can be done with it.

import { once } from "./api.js";
import { CANCEL, DELETE_JOB, RETRY, SET_DEFAULT, UNSET_DEFAULT } from "./documents.js";
import { el, fill, icon, safeUrl } from "./dom.js";
import { STATUS, advice, ago, duration, form, isActive, tokens } from "./format.js";
import { chip } from "./parts.js";
import { on } from "./session.js";
import * as store from "./store.js";
import { acting, confirmed, done } from "./toast.js";

/**
 * Return what shows a job, and goes on to show it until the signal is aborted: {screen, mark, actions}. In a look,
 * `place` is {lookId, isDefault, changed(all)}; `drawn(job)` hears of each state, `gone()` of its deletion.
 */
export function following(job, { place = null, large = false, drawn, gone, signal }) {
  const [screen, mark, actions] = [el("div"), el("span"), el("div.row.actions")];
  let shown = null;

  function draw(next) {
    // A player that runs is left alone.
    if (shown?.status !== next.status || isActive(next)) drawScreen(screen, next, large);
    if (shown?.status !== next.status) fill(actions, actionsOf(next, place));
    fill(mark, chip(next.status, place?.isDefault && next.status === "SUCCEEDED" ? "Default" : STATUS[next.status]));
    shown = next;
    drawn(next);
  }

  draw(job);
  store.onJobs((event) => {
    if (event.job?.id === job.id) draw(event.job);
    if (event.removed === job.id) gone();
  }, signal);
  return { screen, mark, actions };
}

/** Return a card of a job; see `following` for `place`. */
export function videoCard(job, { place, signal }) {
  const node = el("article.video-card", { "aria-label": job.prompt || "Video" });
  const drawn = ({ status }) => (node.dataset.status = status);
  const gone = () => (node.closest("li") ?? node).remove();
  const { screen, mark, actions } = following(job, { place, drawn, gone, signal });
  return fill(node, screen, el("div.body",
    el("div.row.between", mark, el("time.small", { datetime: job.createdAt }, ago(job.createdAt))),
    el("h3", el("a", { href: `#/video/${job.id}` }, job.prompt || "Without a prompt")),
    el("p.muted.small", `${form(job)} · ${tokens(job.tokensConsumed)}`), actions));
}

function drawScreen(media, job, large) {
  media.className = `screen ${job.status.toLowerCase()} ${large ? "large" : ""}`;
  const draw = { SUCCEEDED: player, PENDING: waiting, RUNNING: running, FAILED: failed, CANCELLED: cancelled }[job.status];
  if (job.status === "RUNNING" && media.querySelector("progress")) updateRunning(media, job);
  else fill(media, draw(job));
  return media;
}

function player(job) {
  const address = safeUrl(job.videoUrl);
  if (!address) return el("p", "The video cannot be shown.");
  return el("video", { src: address, poster: safeUrl(job.thumbnailUrl), controls: true, preload: "none", playsinline: true, loop: true, "aria-label": job.prompt || "Video" });
}

function waiting(job) {
  const wait = job.estimatedWaitSeconds === null ? "" : `about ${duration(job.estimatedWaitSeconds)} to go`;
  return [icon("clock"), el("p", el("b", job.queuePosition ? `Place ${job.queuePosition} in the queue` : "Waiting for a worker")), el("p.small", wait)];
}

function running(job) {
  const place = el("div.gauge", el("p.percent"), el("progress", { max: "100", "aria-label": "Progress" }), el("p.small", { "aria-live": "polite" }));
  updateRunning(place, job);
  return place;
}

function updateRunning(place, { progressPercentage, progressIsEstimated: guessed, statusMessage }) {
  const bar = place.querySelector("progress");
  bar.value = progressPercentage;
  bar.classList.toggle("estimated", guessed);
  bar.previousSibling.textContent = `${guessed ? "≈ " : ""}${progressPercentage}%`;
  bar.nextSibling.textContent = `${statusMessage}${guessed ? " (estimated)" : ""}`;
}

const failed = (job) =>
  [icon("alert"), el("p", el("b", job.errorMessage ?? "Failed")), el("p.small", advice(job)), job.errorCode && el("code.small", job.errorCode)];

const cancelled = (job) => [icon("stop"), el("p", job.statusMessage || "Cancelled")];

function actionsOf(job, place) {
  const inLook = async (said, document_) => {
    await done(said, document_, { videoJobId: job.id, lookId: place.lookId });
    place.changed();
  };
  const ready = job.status === "SUCCEEDED";
  return [
    isActive(job) && action("Cancel", "stop", () => changed("The video is cancelled.", CANCEL, { id: job.id })),
    place && ready && !place.isDefault && action("Make default", "star", () => inLook("It stands for the look now.", SET_DEFAULT)),
    place?.isDefault && action("Unset default", "star", () => inLook("The look shows its image again.", UNSET_DEFAULT)),
    ready && safeUrl(job.videoUrl) && el("a.button.small", { href: downloadUrl(job.videoUrl), download: `${job.id}.mp4` }, icon("download"), "Download"),
    !isActive(job) && action(ready ? "Again" : "Retry", "retry", () => retry(job)),
    !isActive(job) && action("Delete", "trash", () => remove(job, place), "danger-quiet"),
  ];
}

const action = (text, iconName, act, kind = "") => acting(text, act, { iconName, kind: `small ${kind}` });

function downloadUrl(address) {
  const url = new URL(safeUrl(address));
  url.searchParams.set("download", "");
  return url.origin === location.origin ? url.href : safeUrl(address);
}

async function changed(...mutation) {
  store.put((await done(...mutation)).videoJob);
  on.balanceChanged();
}

async function retry(job) {
  await once(job.id, (idempotencyKey) => changed("It is being made again.", RETRY, { id: job.id, idempotencyKey }));
}

const remove = (job, place) => confirmed("Delete this video?", "The video and its log go for good. What it cost stays paid.", "Delete", async () => {
  await done("The video is deleted.", DELETE_JOB, { id: job.id });
  store.remove(job.id);
  place?.changed(false);
});

/** A video that its viewer may not manage: another user's, in a look that is shared. */
export function foreignCard(video) {
  const screen = drawScreen(el("div"), { statusMessage: "", estimatedWaitSeconds: null, ...video });
  return el("article.video-card", { "data-status": video.status }, screen, el("div.body", chip(video.status, video.isDefault ? "Default" : STATUS[video.status])));
}
