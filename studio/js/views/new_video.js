// A video without a look.

import { el, fill } from "../dom.js";
import { generateForm } from "../generate.js";
import { heading, load } from "../parts.js";

export function view(main, { signal }) {
  const form = el("div.panel.narrow");
  const created = (job) => (location.hash = `#/video/${job.id}`);
  fill(main, heading("New video", "From a prompt, or from your own images.", { back: ["#/videos", "Videos"] }), form);
  load(form, () => generateForm({ created, signal }), signal);
}
