// A place for an image: drop one, choose one, see it, take it away again.

import { button, el, fill, icon } from "./dom.js";

const TYPES = "image/jpeg,image/png,image/webp,image/avif";
const MOST_BYTES = 20 * 1024 * 1024;

/** Return {node, file()}; `changed` is called when the image is another one. */
export function dropzone(label, { changed = () => {}, small = false } = {}) {
  let file = null;
  let preview = null;
  const input = el("input", { type: "file", accept: TYPES, class: "visually-hidden", "aria-label": label, onchange: () => take(input.files[0]) });
  const face = el("span", { class: "face" });
  const bad = el("span", { class: "bad small", role: "alert" });
  const clear = button("Remove", () => take(null), { kind: "quiet small", iconName: "close", "aria-label": `Remove ${label.toLowerCase()}`, hidden: true });
  const zone = el("label", { class: "zone" }, input, face);
  const node = el("div", { class: small ? "dropzone small" : "dropzone" }, zone, clear, bad);

  function take(next) {
    bad.textContent = problem(next);
    file = bad.textContent ? null : (next ?? null);
    if (!file) input.value = "";
    if (preview) URL.revokeObjectURL(preview);
    preview = file && URL.createObjectURL(file);
    fill(face, preview ? el("img", { src: preview, alt: file.name }) : [icon("image"), el("b", {}, label), !small && el("span", { class: "muted" }, "Drop an image here, or choose one")]);
    clear.hidden = file === null;
    changed(file);
  }

  for (const event of ["dragenter", "dragover"]) {
    zone.addEventListener(event, (moved) => {
      moved.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const event of ["dragleave", "drop"]) zone.addEventListener(event, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (dropped) => {
    dropped.preventDefault();
    take(dropped.dataTransfer.files[0]);
  });
  take(null);
  return { node, file: () => file };
}

function problem(file) {
  if (!file) return "";
  if (!TYPES.split(",").includes(file.type)) return "Choose a JPEG, PNG, WebP or AVIF image.";
  return file.size > MOST_BYTES ? "The image is larger than 20 MB." : "";
}
