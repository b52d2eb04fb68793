// All of one's videos, newest first.

import { run } from "../api.js";
import { JOBS } from "../documents.js";
import { el, fill, icon } from "../dom.js";
import { STATUS } from "../format.js";
import { empty, endless, skeletons } from "../states.js";
import { tabs } from "../tabs.js";
import * as store from "../store.js";
import { videoCard } from "../video_card.js";

let chosen = null;

export function videos(main, { signal }) {
  const results = el("div", { class: "results" });
  let reading = new AbortController();
  signal.addEventListener("abort", () => reading.abort());
  const filters = tabs("Which videos", [[null, "All"], ...Object.entries(STATUS)], draw);

  function draw(status) {
    chosen = status;
    reading.abort();
    reading = new AbortController();
    const { signal: until } = reading;
    filters.select(status);
    const list = el("ul", { class: "grid videos-grid" });
    const card = (job) => el("li", {}, videoCard(store.put(job), { signal: until }));
    const page = async (after) => (await run(JOBS, { status, after }, { signal: until })).videoJobs;
    fill(results, endless({ page, draw: card, none: () => none(status), loading: skeletons(6, "videos-grid"), list }, until));
    // A job that is made meanwhile comes first.
    store.onJobs(({ job, isNew }) => {
      if (!isNew || (status && job.status !== status)) return;
      if (!list.isConnected) draw(status);
      else if (!list.querySelector(`[data-job="${CSS.escape(job.id)}"]`) && job.createdAt > newest(list)) list.prepend(card(job));
    }, until);
  }

  fill(main,
    el("header", { class: "title" }, el("div", {}, el("h1", {}, "Videos"), el("p", { class: "muted" }, "Everything that you have asked for.")),
      el("a", { class: "button primary", href: "#/videos/new" }, icon("plus"), "New video")),
    el("div", { class: "bar" }, filters.node),
    results);
  draw(chosen);
}

const newest = (list) => list.querySelector("time")?.getAttribute("datetime") ?? "";

function none(status) {
  if (status) return empty("videos", "None", `No video of yours is ${STATUS[status].toLowerCase()}.`);
  return empty("videos", "No videos yet", "Make one of a look, or from a prompt alone.", el("a", { class: "button primary", href: "#/videos/new" }, icon("plus"), "New video"));
}
