// What stands in place of things: while they load, where there are none, and where they could not be had.

import { button, el, fill, icon } from "./dom.js";

/** Grey shapes where cards will be. */
export function skeletons(count, kind = "") {
  return el("div", { class: `grid ${kind}`, "aria-busy": "true", "aria-label": "Loading" },
    Array.from({ length: count }, () => el("div", { class: "skeleton" })));
}

export function empty(iconName, title, text, ...actions) {
  return el("div", { class: "state" }, el("span", { class: "state-icon" }, icon(iconName)),
    el("h2", {}, title), el("p", {}, text), actions.length > 0 && el("div", { class: "row center" }, actions));
}

export function failure(error, again) {
  return el("div", { class: "state bad", role: "alert" }, el("span", { class: "state-icon" }, icon("alert")),
    el("h2", {}, "This could not be loaded"), el("p", {}, error.message), again && button("Try again", again));
}

/** Fill a place with what `read` makes; show that it loads, and what went wrong. */
export async function load(place, loading, read, signal) {
  const again = () => load(place, loading, read, signal);
  fill(place, loading);
  try {
    const shown = await read();
    if (!signal.aborted) fill(place, shown);
  } catch (error) {
    if (!signal.aborted) fill(place, failure(error, again));
  }
}

/** Return a list that reads page after page as its end comes into view; `page(after)` gives {nodes, pageInfo}. */
export function endless({ page, draw, none, loading, list = el("ul", { class: "grid" }) }, signal) {
  const more = button("Load more", () => next(), { kind: "quiet" });
  const place = el("div", {}, loading);
  const end = el("div", { class: "more" });
  let after = null;
  let busy = false;
  const watcher = new IntersectionObserver(([seen]) => seen.isIntersecting && next(), { rootMargin: "400px" });
  signal.addEventListener("abort", () => watcher.disconnect());

  async function next() {
    if (busy || signal.aborted) return;
    busy = true;
    try {
      show(await page(after));
    } catch (error) {
      if (!signal.aborted) fill(after === null ? place : end, failure(error, next));
    } finally {
      busy = false;
    }
  }

  function show({ nodes, pageInfo }) {
    if (signal.aborted) return;
    if (after === null) fill(place, nodes.length ? list : none());
    list.append(...nodes.map(draw));
    after = pageInfo.endCursor;
    fill(end, pageInfo.hasNextPage && more);
    watcher.disconnect();
    if (pageInfo.hasNextPage) watcher.observe(end);
  }

  next();
  return [place, end];
}
