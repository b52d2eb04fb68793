// What is around each view: where one is, what there is to spend, and whether the page is up to date.

import { button, el, fill, icon } from "./dom.js";
import { number } from "./format.js";
import * as live from "./live.js";
import { session, signOut } from "./session.js";

const PLACES = [
  ["#/looks", "Looks", "looks"],
  ["#/videos", "Videos", "videos"],
  ["#/tokens", "Tokens", "tokens"],
  ["#/monitor", "Monitor", "monitor"],
  ["#/developers", "Developers", "code"],
];
const STATES = {
  live: ["Live", "Changes show as they happen."],
  connecting: ["Connecting", "Opening the connection."],
  polling: ["Polling", "No open connection: asks every 3 s."],
  offline: ["Offline", "What is missed is fetched later."],
};

export const wordmark = () => el("span", { class: "wordmark" }, "Lookreel ", el("i", {}, "Studio"));

/** Return the frame: its node, `place(view, hash)`, and `balance()`, which shows the viewer's. */
export function shell() {
  const { viewer } = session;
  const links = PLACES.filter(([hash]) => hash !== "#/monitor" || viewer.isAdmin).map(([hash, text, name]) =>
    el("a", { href: hash }, icon(name), el("span", {}, text)));
  const purse = el("a", { class: "purse", href: "#/tokens" });
  const status = el("span", { class: "live", role: "status" });
  const main = el("div", { class: "place" });
  const node = el("div", { class: "shell" },
    el("header", { class: "top" },
      el("a", { class: "home", href: "#/looks" }, wordmark()),
      el("nav", { "aria-label": "Studio" }, links),
      el("div", { class: "who" }, status, purse,
        button("Sign out", () => signOut(), { kind: "quiet small", iconName: "out", title: viewer.email ?? viewer.id }))),
    main);

  function balance() {
    const { balance: left, isUnlimited } = session.viewer.tokens;
    fill(purse, icon("tokens"), el("b", {}, isUnlimited ? "Unlimited" : number(left)), el("span", { class: "unit" }, isUnlimited ? "" : "tokens"));
  }

  function connection() {
    const [text, title] = STATES[live.state];
    status.className = `live ${live.state}`;
    status.title = title;
    fill(status, el("span", { class: "dot" }), el("span", { class: "text" }, text));
  }

  balance();
  connection();
  live.onState(connection);
  return {
    node,
    balance,
    place(view, hash) {
      fill(main, view);
      links.forEach((link) => {
        const base = link.getAttribute("href");
        const isHere = hash === base || hash.startsWith(`${base.replace(/s$/, "")}/`) || hash.startsWith(`${base}/`);
        if (isHere) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      });
    },
  };
}
