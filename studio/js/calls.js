// What the page has sent, to be copied: the document, its variables, and the same as a curl line without the token.

import { button, el, fill } from "./dom.js";

const MOST = 30;
const calls = [];
const listeners = new Set();

/** Remember a call; the answer's status comes later. */
export function recorded(document_, variables, files) {
  const call = { name: nameOf(document_), document: document_.trim(), variables, files, at: new Date(), status: null };
  call.ended = (status) => {
    call.status = status;
    listeners.forEach((listener) => listener());
  };
  calls.unshift(call);
  calls.length = Math.min(calls.length, MOST);
  return call;
}

/** The newest call of that operation. */
export const lastCall = (name) => calls.find((call) => call.name === name);

const nameOf = (text) => /(?:query|mutation|subscription)\s+(\w+)/.exec(text)?.[1] ?? "anonymous";

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** Return the call as a line for a shell. */
export function curl({ document: query, variables, files }) {
  const start = `curl ${new URL("graphql", document.baseURI).href} \\\n  -H "Authorization: Bearer $TOKEN"`;
  const operation = JSON.stringify({ query, variables });
  const paths = Object.keys(files);
  if (!paths.length) return `${start} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(operation)}`;
  const map = JSON.stringify(Object.fromEntries(paths.map((path, place) => [place, [path]])));
  const parts = paths.map((path, place) => `  -F ${place}=@${quoted(files[path].name ?? "file")}`);
  return [`${start} \\\n  -F operations=${quoted(operation)}`, `  -F map=${quoted(map)}`, ...parts].join(" \\\n");
}

function copyable(title, text) {
  const copy = button("Copy", async () => {
    await navigator.clipboard.writeText(text).then(() => (copy.textContent = "Copied"), () => (copy.textContent = "Select and copy"));
  }, { kind: "small" });
  return el("section", { class: "copyable" }, el("header", {}, el("h3", {}, title), copy), el("pre", { tabindex: "0" }, text));
}

/** Show one call. */
export function callDetails(call) {
  return [
    copyable("Document", call.document),
    copyable("Variables", JSON.stringify(call.variables, null, 2)),
    copyable("curl", curl(call)),
  ];
}

function dialog(title, ...children) {
  const close = button("Close", () => box.close(), { kind: "small" });
  const box = el("dialog", { class: "sheet", "aria-label": title }, el("header", {}, el("h2", {}, title), close), ...children);
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", (event) => event.target === box && box.close());
  document.body.append(box);
  box.showModal();
  return box;
}

/** Open the newest call of an operation, or say that there was none. */
export function showCall(name) {
  const call = lastCall(name);
  dialog(`The call: ${name}`, ...(call ? callDetails(call) : [el("p", {}, "It has not been sent yet.")]));
}

/** A button that shows the call that an action has just sent. */
export function callButton(name, text = "Show the call") {
  return button(text, () => showCall(name), { kind: "quiet small", iconName: "code" });
}

/** Return the list of what was sent, kept up to date. */
export function callList(signal) {
  const list = el("div", { class: "calls" });
  const draw = () => fill(list, calls.map(summary), calls.length === 0 && el("p", { class: "muted" }, "Nothing has been sent yet."));
  listeners.add(draw);
  signal.addEventListener("abort", () => listeners.delete(draw));
  draw();
  return list;
}

function summary(call) {
  const details = el("details", {}, el("summary", {},
    el("code", {}, call.name),
    el("span", { class: "muted" }, `${call.at.toLocaleTimeString()} · ${call.status ?? "…"}`)));
  details.addEventListener("toggle", () => details.open && details.children.length === 1 && details.append(...callDetails(call)));
  return details;
}
