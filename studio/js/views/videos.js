// All of one's videos, newest first.

import { read } from "../api.js";
import { JOBS } from "../documents.js";
import { el, fill } from "../dom.js";
import { STATUS } from "../format.js";
import { endless, heading, newLink, skeletons, successive, tabs } from "../parts.js";
import * as store from "../store.js";
import { videoCard } from "../video_card.js";

const makeOne = () => newLink("#/videos/new", "New video");
let chosen = null;

export function view(main, { signal }) {
  const results = el("div");
  const reading = successive(signal);

  function draw(status) {
    chosen = status;
    const until = reading();
    const list = el("ul.grid");
    const drawn = new Set();
    const card = (job) => {
      drawn.add(job.id);
      return el("li", videoCard(store.put(job), { signal: until }));
    };
    const page = (after) => read(JOBS, { status, after }, until);
    fill(results, endless({ page, draw: card, none: none(status), loading: skeletons(6), list }, until));
    // A job that is made meanwhile comes first.
    store.onJobs(({ job, isNew }) => {
      if (!isNew || drawn.has(job.id) || (status && job.status !== status)) return;
      if (!list.isConnected) draw(status);
      else if (job.createdAt > newest(list)) list.prepend(card(job));
    }, until);
  }

  fill(main, heading("Videos", "Everything that you have asked for.", { actions: makeOne() }),
    el("div.bar", tabs("Which videos", [[null, "All"], ...Object.entries(STATUS)], chosen, draw)), results);
  draw(chosen);
}

const newest = (list) => list.querySelector("time")?.getAttribute("datetime") ?? "";

function none(status) {
  if (status) return ["videos", "None", `No video of yours is ${STATUS[status].toLowerCase()}.`];
  return ["videos", "No videos yet", "Make one of a look, or from a prompt alone.", makeOne()];
}
