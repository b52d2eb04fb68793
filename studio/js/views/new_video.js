// A video without a look.

import { el, fill, icon } from "../dom.js";
import { generateForm } from "../generate.js";
import { load, skeletons } from "../states.js";

export function newVideo(main, { signal }) {
  const form = el("div", { class: "panel" });
  const created = (job) => (location.hash = `#/video/${job.id}`);
  fill(main, el("header", { class: "title" }, el("div", {}, el("a", { class: "back", href: "#/videos" }, icon("back"), "Videos"), el("h1", {}, "New video"),
    el("p", { class: "muted" }, "From a prompt, or from your own images."))), el("div", { class: "narrow" }, form));
  load(form, skeletons(1), () => generateForm({ created, signal }), signal);
}
