// Short sentences about what has happened, read out by screen readers; and questions before it does.

import { change } from "./api.js";
import { callButton } from "./calls.js";
import { button, el } from "./dom.js";
import { dialog, field, form } from "./parts.js";

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

export const acting = (text, action, look) => button(text, ({ currentTarget }) => attempt(currentTarget, action), look);

/** Ask before what cannot be taken back, with `asked` for its reason, too; do it where it is wanted. */
export async function confirmed(title, text, action, act, asked = null) {
  const reason = el("input", { id: "reason", maxlength: "500", ...asked });
  const isWanted = await new Promise((resolve) => {
    const box = dialog(title, "small", form({ class: "stack" }, () => box.close("yes"),
      el("h2", title), el("p", text), asked && field("Reason", reason),
      el("footer.row",
        button("Go back", () => box.close()),
        el("button.button.danger", { type: "submit" }, action))));
    box.addEventListener("close", () => resolve(box.returnValue === "yes"));
  });
  if (isWanted) await act(reason.value.trim());
}
