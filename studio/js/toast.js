// Short sentences about what has happened, read out by screen readers.

import { callButton } from "./calls.js";
import { button, el } from "./dom.js";

const SECONDS = 8;

/** Say something; `call` names the operation that can be shown. */
export function toast(text, { kind = "", call } = {}) {
  const note = el("div", { class: `toast ${kind}` }, el("p", {}, text), call && callButton(call),
    button("Dismiss", () => note.remove(), { kind: "quiet small" }));
  document.getElementById("toasts").append(note);
  setTimeout(() => note.matches(":hover, :focus-within") || note.remove(), SECONDS * 1000);
}

/** Run an action of a button: it cannot be pressed twice, and a refusal is shown. */
export async function attempt(pressed, action, call) {
  if (pressed.hasAttribute("aria-busy")) return undefined;
  pressed.setAttribute("aria-busy", "true");
  try {
    return await action();
  } catch (refused) {
    toast(refused.message, { kind: "bad", call });
    return undefined;
  } finally {
    pressed.removeAttribute("aria-busy");
  }
}

/** Ask before what cannot be taken back; resolve to whether it is wanted. */
export function confirmed(title, text, action) {
  return new Promise((resolve) => {
    const box = el("dialog", { class: "sheet small", "aria-label": title },
      el("h2", {}, title), el("p", {}, text),
      el("footer", { class: "row" },
        button("Keep", () => box.close("no")),
        button(action, () => box.close("yes"), { kind: "danger" })));
    box.addEventListener("close", () => {
      resolve(box.returnValue === "yes");
      box.remove();
    });
    document.body.append(box);
    box.showModal();
  });
}
