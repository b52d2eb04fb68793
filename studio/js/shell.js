// What is around each view: where one is, what there is to spend, and whether the page is up to date.

import { button, el, fill, icon } from "./dom.js";
import { number, words } from "./format.js";
import * as live from "./live.js";
import { session, signOut } from "./session.js";

// Each is its view's name and its icon's.
const PLACES = ["looks", "videos", "tokens", "monitor", "developers"];

export const wordmark = () => el("span.wordmark", "Lookreel ", el("i", "Studio"));

/** Return the frame: its node, `place(view, hash)`, and `balance()`, which shows the viewer's. */
export function shell() {
  const { viewer } = session;
  const links = PLACES.filter((name) => name !== "monitor" || viewer.isAdmin).map((name) =>
    el("a", { href: `#/${name}` }, icon(name), el("span", words(name))));
  const purse = el("a.button.small.purse", { href: "#/tokens" });
  const status = el("span.live", { role: "status" });
  const main = el("div");
  const node = el("div",
    el("header.top",
      el("a", { href: "#/looks" }, wordmark()),
      el("nav", { "aria-label": "Studio" }, links),
      el("div.who", status, purse,
        button("Sign out", () => signOut(), { kind: "quiet small", iconName: "out", title: viewer.email ?? viewer.id }))),
    main);

  function balance() {
    const { balance: left, isUnlimited } = session.viewer.tokens;
    fill(purse, icon("tokens"), el("b", isUnlimited ? "Unlimited" : number(left)), el("span.muted", isUnlimited ? "" : "tokens"));
  }

  function connection() {
    status.className = `live ${live.state.is}`;
    fill(status, el("span.dot"), el("span.text", live.state.is));
  }

  balance();
  connection();
  live.state.changed = connection;
  return {
    node,
    balance,
    place(view, hash) {
      fill(main, view);
      // "#/looks" and "#/look/…" are one place.
      links.forEach((link) => (link.ariaCurrent = hash.startsWith(link.getAttribute("href").replace(/s$/, "")) ? "page" : null));
    },
  };
}
