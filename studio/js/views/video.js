// One video: large, with its log as it is written.

import { run } from "../api.js";
import { callButton } from "../calls.js";
import { ONE_JOB } from "../documents.js";
import { el, fill, icon, picture } from "../dom.js";
import { STATUS, clock, dateTime, form, tokens } from "../format.js";
import { followLog } from "../live.js";
import { load, skeletons } from "../states.js";
import * as store from "../store.js";
import { actionsOf, drawScreen } from "../video_card.js";

export function video(main, { id, signal }) {
  load(main, skeletons(1), () => whole(id, signal), signal);
}

async function whole(id, signal) {
  const { videoJob: job } = await run(ONE_JOB, { id }, { signal });
  if (!job) throw new Error("There is no such video, or it is not yours.");
  const screen = el("div");
  const chip = el("span", { class: "chip" });
  const actions = el("div", { class: "row actions" });
  const data = el("dl", { class: "data" });
  const lines = el("ol", { class: "log", "aria-live": "polite", "aria-label": "Log" }, job.logs.map(line));
  let shown = null;

  function draw(next) {
    if (shown?.status !== next.status || shown.status === "PENDING" || shown.status === "RUNNING") drawScreen(screen, next, { large: true });
    chip.className = `chip ${next.status.toLowerCase()}`;
    chip.textContent = STATUS[next.status];
    if (shown?.status !== next.status) fill(actions, actionsOf(next, null));
    fill(data, dataOf(next, job));
    shown = next;
  }

  draw(store.put(job));
  store.onJobs((event) => {
    if (event.job?.id === id) draw(event.job);
    if (event.removed === id) location.hash = "#/videos";
  }, signal);
  const seen = new Set(job.logs.map((each) => each.id));
  followLog(id, job.logs.at(-1)?.cursor ?? null, (next) => {
    if (!seen.has(next.id)) lines.append(line(next));
    seen.add(next.id);
  }, signal);
  return [
    el("header", { class: "title" }, el("div", {}, el("a", { class: "back", href: "#/videos" }, icon("back"), "Videos"), el("h1", {}, job.prompt || "Without a prompt"), chip), callButton("VideoJob")),
    el("div", { class: "columns two wide-left" },
      el("div", { class: "stack" }, screen, actions),
      el("div", { class: "stack" },
        el("section", { class: "panel" }, el("h2", {}, "Log"), lines),
        job.associatedLooks.length > 0 && el("section", { class: "panel" }, el("h2", {}, "In looks"), el("ul", { class: "products" }, job.associatedLooks.map((look) =>
          el("li", {}, picture(look.generatedImageUrl, "", { class: "thumb" }), el("a", { href: `#/look/${look.id}` }, look.title || "Untitled look"))))),
        el("section", { class: "panel" }, el("h2", {}, "Details"), data))),
  ];
}

const line = ({ timestamp, level, message }) =>
  el("li", { class: level.toLowerCase() }, el("time", { datetime: timestamp }, clock(timestamp)), el("span", {}, message));

function dataOf(job, first) {
  const rows = [
    ["Form", form(job)],
    ["Model", job.model],
    ["Paid", first.refund ? `${tokens(job.tokensConsumed)}, given back` : tokens(job.tokensConsumed)],
    ["Asked for", dateTime(job.createdAt)],
    job.completedAt && ["Ended", dateTime(job.completedAt)],
    job.videoWidth && ["File", `${job.videoWidth} × ${job.videoHeight}, ${job.videoDurationSeconds.toFixed(1)} s`],
    ["Id", job.id],
  ];
  return rows.filter(Boolean).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
}
