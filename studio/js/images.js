// The images of a new video: the look's own, its products', and own files; and a place to drop a file.

import { button, el, fill, icon, picture } from "./dom.js";
import { choices, refuse } from "./parts.js";

const TYPES = "image/jpeg,image/png,image/webp,image/avif";
const MOST_BYTES = 20 * 1024 * 1024;
const MOST_REFERENCES = 3;

/** A place to drop an image, see it, and take it away: {node, file()}; `changed` hears that it is another one. */
export function dropzone(label, { changed = () => {}, small = false } = {}) {
  let file = null;
  let preview = null;
  const input = el("input.visually-hidden", { type: "file", accept: TYPES, "aria-label": label, onchange: () => take(input.files[0]) });
  const face = el("span.face");
  const bad = el("span.bad.small", { role: "alert" });
  const clear = button("Remove", () => take(null), { kind: "quiet small", iconName: "close", "aria-label": `Remove ${label.toLowerCase()}`, hidden: true });
  const zone = el("label.zone", input, face);
  const node = el("div", { class: small ? "dropzone small" : "dropzone" }, zone, clear, bad);

  function take(next) {
    bad.textContent = problem(next);
    file = bad.textContent ? null : (next ?? null);
    if (!file) input.value = "";
    if (preview) URL.revokeObjectURL(preview);
    preview = file && URL.createObjectURL(file);
    fill(face, preview ? el("img", { src: preview, alt: file.name }) : [icon("image"), el("b", label), !small && el("span.muted", "Drop an image here, or choose one")]);
    clear.hidden = file === null;
    changed(file);
  }

  zone.ondragenter = zone.ondragover = (moved) => {
    moved.preventDefault();
    zone.classList.add("over");
  };
  zone.ondragleave = () => zone.classList.remove("over");
  zone.ondrop = (dropped) => {
    dropped.preventDefault();
    zone.ondragleave();
    const [given] = dropped.dataTransfer.files;
    if (given && !input.disabled) take(given);
  };
  take(null);
  return { node, file: () => file };
}

function problem(file) {
  if (!file) return "";
  if (!TYPES.split(",").includes(file.type)) return "Choose a JPEG, PNG, WebP or AVIF image.";
  return file.size > MOST_BYTES ? "The image is larger than 20 MB." : "";
}

export function lookImage(look, choice, update) {
  if (!look) return null;
  const options = [["First frame", "initial"], ["Reference", "reference"], ["Not used", "none"]];
  const chosen = choices("The look's image", "lookImage", options, choice, update);
  chosen.node.classList.add("with-picture");
  chosen.node.lastChild.before(picture(look.generatedImageUrl, "", { class: "thumb" }));
  return chosen;
}

export function lookReferences(look, choice, update) {
  const products = (look?.products ?? []).filter((product) => product.thumbnailUrl);
  if (!products.length) return null;
  const boxes = products.map(({ id, name, thumbnailUrl }) => {
    const box = el("input", { type: "checkbox", onchange: () => update({ productIds: boxes.filter((each) => each.box.checked).map((each) => each.id) }) });
    return { id, box, label: el("label.pick", box, picture(thumbnailUrl, "", { class: "thumb" }), el("span", name)) };
  });
  return {
    node: el("fieldset", el("legend", "Products as references"), el("div.picks", boxes.map((each) => each.label))),
    draw(known) {
      for (const { box, label } of boxes) refuse(label, box, box.checked ? "" : known.references);
    },
  };
}

export function ownImages(update) {
  const zone = (label, name, rule) => ({ name, rule, ...dropzone(label, { changed: () => queueMicrotask(() => report()), small: true }) });
  const references = Array.from({ length: MOST_REFERENCES }, (_, place) => zone(`Reference ${place + 1}`, "referenceImages", "references"));
  const zones = [zone("First frame", "initialImage", "initial"), zone("End frame", "endFrame", "endFrame"), ...references];
  const given = (wanted) => zones.filter(({ name, file }) => name === wanted && file());
  const count = (wanted) => given(wanted).length;
  const report = () => update({ hasInitial: count("initialImage") > 0, hasEnd: count("endFrame") > 0, ownReferences: count("referenceImages") });
  return {
    node: el("details", el("summary", icon("image"), "Own images"), el("div.zones", zones.map(({ node }) => node))),
    draw(known) {
      for (const { node, file, rule } of zones) refuse(node, node.querySelector("input"), file() ? "" : known[rule]);
    },
    files() {
      const paths = [...given("initialImage"), ...given("endFrame")].map(({ name, file }) => [name, file()]);
      given("referenceImages").forEach(({ name, file }, place) => paths.push([`${name}.${place}`, file()]));
      return Object.fromEntries(paths.map(([path, file]) => [`variables.input.${path}`, file]));
    },
  };
}
