// Tabs above a list: one is chosen, arrow keys move on.

import { el } from "./dom.js";

/** Return {node, select(value)}; `chosen(value)` is called for the tab that somebody takes. */
export function tabs(label, options, chosen) {
  const buttons = options.map(([value, text]) =>
    el("button", { type: "button", role: "tab", "data-value": value ?? "", onclick: () => chosen(value) }, text));
  const node = el("div", { class: "tabs", role: "tablist", "aria-label": label }, buttons);
  node.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const next = step && buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
    next?.focus();
    next?.click();
  });
  return {
    node,
    select(value) {
      for (const tab of buttons) {
        const isIt = tab.dataset.value === (value ?? "");
        tab.setAttribute("aria-selected", String(isIt));
        tab.tabIndex = isIt ? 0 : -1;
      }
    },
  };
}
