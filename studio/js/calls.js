// What the page has sent, to be copied: the document, its variables, and the same as a curl line without the token.

import { button, el } from "./dom.js";
import { dialog } from "./parts.js";

const MOST = 30;
const calls = [];

/** Remember a call; its status comes with the answer. */
export function recorded(document_, variables, files) {
  const call = { name: nameOf(document_), document: document_, variables, files, at: new Date(), status: "…" };
  calls.unshift(call);
  calls.length = Math.min(calls.length, MOST);
  return call;
}

/** Say which file is where in the variables (graphql-multipart-request). */
export const mapOf = (paths) => JSON.stringify(Object.fromEntries(paths.map((path, place) => [place, [path]])));

const nameOf = (document_) => /^\w+ (\w+)/.exec(document_)[1];

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl({ document: query, variables, files }) {
  const start = `curl ${new URL("graphql", document.baseURI).href} \\\n  -H "Authorization: Bearer $TOKEN"`;
  const operation = JSON.stringify({ query, variables });
  const paths = Object.keys(files);
  if (!paths.length) return `${start} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quoted(operation)}`;
  const parts = paths.map((path, place) => `  -F ${place}=@${quoted(files[path].name ?? "file")}`);
  return [`${start} \\\n  -F operations=${quoted(operation)}`, `  -F map=${quoted(mapOf(paths))}`, ...parts].join(" \\\n");
}

function copyable(title, text) {
  const copy = button("Copy", async () => {
    copy.textContent = await navigator.clipboard?.writeText(text).then(() => "Copied", () => null) ?? "Select and copy";
  }, { kind: "small" });
  return el("section.copyable", el("header.row.between", el("h3", title), copy), el("pre", { tabindex: "0" }, text));
}

const details = (call) => [
  copyable("Document", call.document),
  copyable("Variables", JSON.stringify(call.variables, null, 2)),
  copyable("curl", curl(call)),
];

/** Open the newest call of an operation, or say that there was none. */
function showCall(name) {
  const call = calls.find((each) => each.name === name);
  const title = `The call: ${name}`;
  const close = button("Close", () => box.close(), { kind: "small" });
  const box = dialog(title, "", el("header.row.between", el("h2", title), close),
    call ? details(call) : el("p", "It has not been sent yet."));
}

export const callButton = (document_) => button("Show the call", () => showCall(nameOf(document_)), { kind: "quiet small", iconName: "developers" });

export const callList = () => el("div.calls", calls.map((call) => el("details",
  el("summary", el("code", call.name), el("span", `${call.at.toLocaleTimeString()} · ${call.status}`)), details(call))));
