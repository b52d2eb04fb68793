// Short sentences about what has happened, read out by screen readers; and questions before it does.

import { change } from "./api.js";
import { callButton } from "./calls.js";
import { button, el } from "./dom.js";
import { dialog, field } from "./parts.js";

const SECONDS = 8;

/** Say something; the call of a document can be shown. */
export function toast(text, document_, kind = "") {
  const note = el("div", { class: `toast ${kind}` }, el("p", text), document_ && callButton(document_),
    button("Dismiss", () => note.remove(), { kind: "quiet small" }));
  document.getElementById("toasts").append(note);
  setTimeout(() => note.matches(":hover, :focus-within") || note.remove(), SECONDS * 1000);
}

/** Run a mutation, and say that it is done; return its payload. */
export async function done(text, document_, input, files) {
  const payload = await change(document_, input, files);
  toast(text, document_);
  return payload;
}

/** Run an action of a button: it cannot be pressed twice, and a refusal is shown. */
export async function attempt(pressed, action) {
  if (pressed.hasAttribute("aria-busy")) return;
  pressed.setAttribute("aria-busy", "true");
  try {
    await action();
  } catch (refused) {
    toast(refused.message, refused.document, "bad");
  } finally {
    pressed.removeAttribute("aria-busy");
  }
}

/** Return a button that attempts something. */
export const acting = (text, action, look) => button(text, ({ currentTarget }) => attempt(currentTarget, action), look);

/** A question for the reason of an act, for `confirmed`. */
export const reasonField = (attributes) => ({ label: "Reason", input: el("input", { id: "reason", maxlength: "500", ...attributes }) });

/** Ask before what cannot be taken back; resolve to null where it is not wanted, else to the text of `input`. */
export function confirmed(title, text, action, { input = el("input", { type: "hidden" }), label } = {}) {
  return new Promise((resolve) => {
    const submit = (event) => {
      event.preventDefault();
      box.close("yes");
    };
    const box = dialog(title, "small", el("form.stack", { onsubmit: submit },
      el("h2", title), el("p", text), label ? field(label, input) : input,
      el("footer.row",
        button("Go back", () => box.close()),
        el("button.button.danger", { type: "submit" }, action))));
    box.addEventListener("close", () => resolve(box.returnValue === "yes" ? input.value.trim() : null));
  });
}
