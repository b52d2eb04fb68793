// The images of a new video: the look's own, its products', and own files, each with a preview.

import { choices } from "./choices.js";
import { el, icon, picture } from "./dom.js";
import { dropzone } from "./dropzone.js";

const MOST_REFERENCES = 3;

/** What becomes of the look's image. */
export function lookImage(look, choice, update) {
  if (!look) return { node: null, draw() {} };
  const options = [["initial", "First frame"], ["reference", "Reference"], ["none", "Not used"]];
  const chosen = choices("The look's image", "lookImage", options, (value) => update({ lookImage: value }), () => choice.lookImage);
  chosen.node.classList.add("with-picture");
  chosen.node.lastChild.before(picture(look.generatedImageUrl, "", { class: "thumb" }));
  return chosen;
}

/** The products whose images are references. */
export function lookReferences(look, choice, update) {
  const products = (look?.products ?? []).filter((product) => product.thumbnailUrl);
  if (!products.length) return { node: null, draw() {} };
  const boxes = products.map(({ id, name, thumbnailUrl }) => {
    const box = el("input", { type: "checkbox", onchange: () => update({ productIds: boxes.filter((each) => each.box.checked).map((each) => each.id) }) });
    return { id, box, label: el("label", { class: "pick" }, box, picture(thumbnailUrl, "", { class: "thumb" }), el("span", {}, name)) };
  });
  return {
    node: el("fieldset", {}, el("legend", {}, "Products as references"), el("div", { class: "picks" }, boxes.map((each) => each.label))),
    draw(known) {
      for (const { box, label } of boxes) {
        box.disabled = Boolean(known.references) && !box.checked;
        label.classList.toggle("impossible", box.disabled);
        label.title = box.disabled ? known.references : "";
      }
    },
  };
}

/** Own files: a first frame, an end frame, and references. */
export function ownImages(update) {
  const report = () => update({ hasInitial: Boolean(initial.file()), hasEnd: Boolean(end.file()), ownReferences: references.filter((each) => each.file()).length });
  const changed = () => queueMicrotask(report);
  const initial = dropzone("First frame", { changed, small: true });
  const end = dropzone("End frame", { changed, small: true });
  const references = Array.from({ length: MOST_REFERENCES }, (_, place) => dropzone(`Reference ${place + 1}`, { changed, small: true }));
  const node = el("details", { class: "own" }, el("summary", {}, icon("image"), "Own images"),
    el("div", { class: "zones" }, initial.node, end.node, references.map((each) => each.node)));
  const disable = (zone, reason) => {
    const refused = Boolean(reason) && !zone.file();
    zone.node.querySelector("input").disabled = refused;
    zone.node.classList.toggle("impossible", refused);
    zone.node.title = refused ? reason : "";
  };
  return {
    node,
    draw(known) {
      disable(initial, known.initial);
      disable(end, known.endFrame);
      references.forEach((each) => disable(each, known.references));
    },
    files() {
      const given = references.map((each) => each.file()).filter(Boolean);
      const named = { initialImage: initial.file(), endFrame: end.file() };
      const single = Object.entries(named).filter(([, file]) => file).map(([name, file]) => [`variables.input.${name}`, file]);
      const many = given.map((file, place) => [`variables.input.referenceImages.${place}`, file]);
      return Object.fromEntries([...single, ...many]);
    },
  };
}
