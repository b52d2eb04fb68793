// One video: large, with its log as it is written.

import { read } from "../api.js";
import { callButton } from "../calls.js";
import { FOLLOW_LOG, ONE_JOB } from "../documents.js";
import { el, fill, picture } from "../dom.js";
import { clock, dateTime, form, isActive, tokens } from "../format.js";
import { follow } from "../live.js";
import { facts, heading, load, panel } from "../parts.js";
import * as store from "../store.js";
import { following } from "../video_card.js";

export function view(main, { id, signal }) {
  load(main, () => whole(id, signal), signal);
}

async function whole(id, signal) {
  const job = await read(ONE_JOB, { id }, signal);
  if (!job) throw new Error("There is no such video, or it is not yours.");
  const data = el("div");
  const lines = el("ol.log", { "aria-live": "polite", "aria-label": "Log" }, job.logs.map(line));
  const drawn = (next) => {
    fill(data, dataOf(next, job));
    // What is given back is known at the end.
    if (isActive(job) && !isActive(next)) read(ONE_JOB, { id }, signal).then((found) => fill(data, dataOf(next, found)), () => {});
  };
  const gone = () => (location.hash = "#/videos");
  const { screen, mark, actions } = following(store.put(job), { large: true, drawn, gone, signal });
  const seen = new Set(job.logs.map((each) => each.id));
  let after = job.logs.at(-1)?.cursor ?? null;
  follow(FOLLOW_LOG, () => ({ id, after }), (next) => {
    if (!seen.has(next.id)) lines.append(line(next));
    seen.add(next.id);
    after = next.cursor;
  }, signal);
  return [
    heading(job.prompt || "Without a prompt", mark, { back: ["#/videos", "Videos"], actions: callButton(ONE_JOB) }),
    el("div.columns.two.wide-left",
      el("div.stack", screen, actions),
      el("div.stack",
        panel("Log", lines),
        job.associatedLooks.length > 0 && panel("In looks", el("ul.products", job.associatedLooks.map((look) =>
          el("li", picture(look.generatedImageUrl, "", { class: "thumb" }), el("a", { href: `#/look/${look.id}` }, look.title || "Untitled look"))))),
        panel("Details", data))),
  ];
}

const line = ({ timestamp, level, message }) =>
  el("li", { class: level.toLowerCase() }, el("time", { datetime: timestamp }, clock(timestamp)), el("span", message));

const dataOf = (job, first) => facts("data", [
  ["Form", form(job)],
  ["Model", job.model],
  ["Paid", first.refund ? `${tokens(job.tokensConsumed)}, given back` : tokens(job.tokensConsumed)],
  ["Asked for", dateTime(job.createdAt)],
  job.completedAt && ["Ended", dateTime(job.completedAt)],
  job.videoWidth && ["File", `${job.videoWidth} × ${job.videoHeight}, ${job.videoDurationSeconds.toFixed(1)} s`],
  ["Id", job.id],
]);
