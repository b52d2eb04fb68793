// A few choices of which one is made, side by side; what cannot be is struck out, with the reason.

import { el } from "./dom.js";

/** Return {node, draw(reasons)}; a reason is under "name:value". */
export function choices(legend, name, options, changed, chosen) {
  const inputs = options.map(([value, text]) => {
    const radio = el("input", { type: "radio", name, value, onchange: () => changed(radio.value) });
    return { radio, value, label: el("label", {}, radio, el("span", {}, text)) };
  });
  return {
    node: el("fieldset", {}, el("legend", {}, legend), el("div", { class: "segments" }, inputs.map((each) => each.label))),
    draw(known) {
      for (const { radio, value, label } of inputs) {
        const reason = known[`${name}:${value}`];
        radio.checked = String(chosen()) === String(value);
        radio.disabled = Boolean(reason) && !radio.checked;
        label.classList.toggle("impossible", Boolean(reason));
        label.title = reason ?? "";
      }
    },
  };
}
