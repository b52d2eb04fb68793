// A video job as a card: what it is, how far it is, and what can be done with it.

import { change, newKey } from "./api.js";
import { CANCEL, DELETE_JOB, RETRY, SET_DEFAULT, UNSET_DEFAULT } from "./documents.js";
import { button, el, fill, icon, safeUrl } from "./dom.js";
import { STATUS, advice, ago, duration, form, isActive, tokens } from "./format.js";
import { balanceChanged } from "./session.js";
import * as store from "./store.js";
import { attempt, confirmed, toast } from "./toast.js";

/**
 * Return a card, which follows its job until the signal is aborted. In a look, `place` is {lookId, isDefault, changed}.
 */
export function videoCard(job, { place = null, signal }) {
  const media = el("div", { class: "screen" });
  const chip = el("span", { class: "chip" });
  const actions = el("div", { class: "row actions" });
  const node = el("article", { class: "video-card", "data-job": job.id, "aria-label": job.prompt || "Video" }, media,
    el("div", { class: "body" },
      el("div", { class: "row between" }, chip, el("time", { class: "muted small", datetime: job.createdAt }, ago(job.createdAt))),
      el("h3", {}, el("a", { href: `#/video/${job.id}` }, job.prompt || "Without a prompt")),
      el("p", { class: "muted small" }, `${form(job)} · ${tokens(job.tokensConsumed)}`), actions));
  let shown = null;

  function draw(next) {
    // A player that runs is left alone.
    if (shown?.status !== next.status || next.status === "PENDING" || next.status === "RUNNING") drawScreen(media, next);
    node.dataset.status = next.status;
    chip.className = `chip ${next.status.toLowerCase()}`;
    fill(chip, place?.isDefault && next.status === "SUCCEEDED" ? "Default" : STATUS[next.status]);
    if (shown?.status !== next.status) fill(actions, actionsOf(next, place));
    shown = next;
  }

  draw(job);
  store.onJobs((event) => {
    if (event.job?.id === job.id) draw(event.job);
    if (event.removed === job.id) (node.closest("li") ?? node).remove();
  }, signal);
  return node;
}

/** Show what there is to see of a job: the video, its progress, or why there is none. */
export function drawScreen(media, job, { large = false } = {}) {
  media.className = `screen ${job.status.toLowerCase()} ${large ? "large" : ""}`;
  const draw = { SUCCEEDED: player, PENDING: waiting, RUNNING: running, FAILED: failed, CANCELLED: cancelled }[job.status];
  if (job.status === "RUNNING" && media.querySelector("progress")) return updateRunning(media, job);
  return fill(media, draw(job));
}

function player(job) {
  const address = safeUrl(job.videoUrl);
  if (!address) return el("p", {}, "The video cannot be shown.");
  return el("video", { src: address, poster: safeUrl(job.thumbnailUrl), controls: true, preload: "none", playsinline: true, loop: true, "aria-label": job.prompt || "Video" });
}

function waiting(job) {
  const wait = job.estimatedWaitSeconds === null ? "" : `about ${duration(job.estimatedWaitSeconds)} to go`;
  return [icon("clock"), el("p", {}, el("b", {}, job.queuePosition ? `Place ${job.queuePosition} in the queue` : "Waiting for a worker")), el("p", { class: "small" }, wait)];
}

function running(job) {
  const bar = el("progress", { max: "100", "aria-label": "Progress" });
  const media = [el("p", { class: "percent" }), bar, el("p", { class: "small note", "aria-live": "polite" })];
  const place = el("div", { class: "gauge" }, media);
  updateRunning(place, job);
  return place;
}

function updateRunning(place, job) {
  const guessed = job.progressIsEstimated;
  const bar = place.querySelector("progress");
  bar.value = job.progressPercentage;
  bar.classList.toggle("estimated", guessed);
  place.querySelector(".percent").textContent = `${guessed ? "≈ " : ""}${job.progressPercentage}%`;
  place.querySelector(".note").textContent = guessed ? `${job.statusMessage} (estimated)` : job.statusMessage;
}

function failed(job) {
  return [icon("alert"), el("p", {}, el("b", {}, job.errorMessage ?? "Failed")), el("p", { class: "small" }, advice(job)), job.errorCode && el("code", { class: "small" }, job.errorCode)];
}

function cancelled(job) {
  return [icon("stop"), el("p", {}, job.statusMessage || "Cancelled")];
}

/** Return the buttons for a job, in the look that is given. */
export function actionsOf(job, place) {
  const lookOf = place && { videoJobId: job.id, lookId: place.lookId };
  const ready = job.status === "SUCCEEDED";
  return [
    isActive(job) && acting("Cancel", "stop", () => cancel(job), "CancelVideoJob"),
    place && ready && !place.isDefault && acting("Make default", "star", () => inLook(SET_DEFAULT, lookOf, place, "SetDefaultVideo"), "SetDefaultVideo"),
    place && place.isDefault && acting("Unset default", "star", () => inLook(UNSET_DEFAULT, lookOf, place, "UnsetDefaultVideo"), "UnsetDefaultVideo"),
    ready && safeUrl(job.videoUrl) && el("a", { class: "button small", href: downloadUrl(job.videoUrl), download: `${job.id}.mp4` }, icon("download"), "Download"),
    !isActive(job) && acting(ready ? "Again" : "Retry", "retry", () => retry(job, place), "RetryVideoJob"),
    !isActive(job) && acting("Delete", "trash", () => remove(job, place), "DeleteVideoJob", "danger-quiet"),
  ];
}

const acting = (text, iconName, action, call, kind = "") =>
  button(text, ({ currentTarget }) => attempt(currentTarget, action, call), { kind: `small ${kind}`, iconName });

function downloadUrl(address) {
  const url = new URL(safeUrl(address));
  url.searchParams.set("download", "");
  return url.origin === location.origin ? url.href : safeUrl(address);
}

async function cancel(job) {
  store.put((await change(CANCEL, { id: job.id })).videoJob);
  balanceChanged();
  toast("The video is cancelled.", { call: "CancelVideoJob" });
}

async function retry(job, place) {
  const { videoJob } = await change(RETRY, { id: job.id, idempotencyKey: newKey() });
  store.put(videoJob);
  balanceChanged();
  toast("It is being made again.", { call: "RetryVideoJob" });
  place?.changed();
}

async function remove(job, place) {
  if (!(await confirmed("Delete this video?", "The video and its log go for good. What it cost stays paid.", "Delete"))) return;
  await change(DELETE_JOB, { id: job.id });
  store.remove(job.id);
  toast("The video is deleted.", { call: "DeleteVideoJob" });
  place?.changed();
}

async function inLook(document_, input, place, call) {
  await change(document_, input);
  toast(call === "SetDefaultVideo" ? "It stands for the look now." : "The look shows its image again.", { call });
  place.changed();
}

/** A video that its viewer may not manage: another user's, in a look that is shared. */
export function foreignCard(video) {
  const media = el("div");
  drawScreen(media, { statusMessage: "", queuePosition: null, estimatedWaitSeconds: null, ...video });
  return el("article", { class: "video-card", "data-status": video.status }, media,
    el("div", { class: "body" }, el("span", { class: `chip ${video.status.toLowerCase()}` }, video.isDefault ? "Default" : STATUS[video.status])));
}
