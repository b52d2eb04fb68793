// Parts that views are put together from: heads, panels, tables, lists, and what stands in place of things.

import { button, el, fill, icon } from "./dom.js";

const TYPING_MS = 250;

/** The head of a view: `back` is [address, name]; `actions` are at its right. */
export function heading(title, text, { back, actions } = {}) {
  return el("header.title",
    el("div", back && el("a.back", { href: back[0] }, icon("back"), back[1]), el("h1", title),
      typeof text === "string" ? el("p.muted", text) : text),
    actions);
}

export const panel = (title, ...children) => el("section.panel", el("h2", title), children);

/** An input, which has an id, with its label. */
export const field = (text, input, ...children) => el("div.field", el("label", { for: input.id }, text), input, children);

/** A form that the page sends by itself. */
export const form = (attributes, submit, ...children) => el("form", {
  ...attributes,
  onsubmit(event) {
    event.preventDefault();
    submit();
  },
}, children);

/** Names with values; `kind` is how they are laid out. */
export const facts = (kind, pairs) =>
  el("dl", { class: kind }, pairs.filter(Boolean).map(([name, value]) => el("div", el("dt", name), el("dd", value))));

export const chip = (kind, text) => el("span", { class: `chip ${kind.toLowerCase()}` }, text);

export const newLink = (href, text) => el("a.button.primary", { href }, icon("plus"), text);

/** A select; options are [value, text]. */
export const select = (attributes, options, chosen) =>
  el("select", attributes, options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));

/** Return {shown, list, row}: a table that can be wider than the page. A name with # is of a column of numbers. */
export function table(label, ...names) {
  const kinds = names.map((name) => (name.startsWith("#") ? "number" : ""));
  const cells = (tag, contents) => el("tr", contents.map((content, place) =>
    el(tag, { class: kinds[place], scope: tag === "th" && "col" }, content)));
  const list = el("tbody");
  const shown = el("div.scroll", { tabindex: "0", role: "region", "aria-label": label },
    el("table", el("thead", cells("th", names.map((name) => name.replace("#", "")))), list));
  return { shown, list, row: (...contents) => cells("td", contents) };
}

/** A field to search by; `changed(text)` is called when the typing pauses. */
export function search(label, placeholder, value, changed) {
  let typing = null;
  const input = el("input", { type: "search", placeholder, "aria-label": label, value });
  input.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => changed(input.value.trim()), TYPING_MS);
  });
  return el("label.search", icon("search"), input);
}

/** Open a box above the page. It goes when it is closed, also by a click beside it. */
export function dialog(title, kind, ...children) {
  const box = el("dialog", { class: `sheet ${kind}`, "aria-label": title }, children);
  box.addEventListener("close", () => box.remove());
  box.addEventListener("click", ({ target }) => target === box && box.close());
  document.body.append(box);
  box.showModal();
  return box;
}

/** Return what gives a new signal each time, and ends the one before. */
export function successive(signal) {
  let current = new AbortController();
  return () => {
    current.abort();
    current = new AbortController();
    return AbortSignal.any([signal, current.signal]);
  };
}

/** Do it now, and again and again while the page is seen. */
export function every(milliseconds, action, signal) {
  action();
  const timer = setInterval(() => document.hidden || action(), milliseconds);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/** Tabs above a list, of which one is chosen; `changed(value)` is called for another. Arrow keys move on. */
export function tabs(label, options, chosen, changed) {
  const choose = (value) => {
    mark(value);
    changed(value);
  };
  const buttons = options.map(([value, text]) => el("button", { type: "button", role: "tab", onclick: () => choose(value) }, text));
  const node = el("div.tabs", { role: "tablist", "aria-label": label }, buttons);
  node.addEventListener("keydown", ({ key }) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const next = step && buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length];
    next?.focus();
    next?.click();
  });
  const mark = (value) => buttons.forEach((tab, place) => {
    const isIt = options[place][0] === value;
    tab.setAttribute("aria-selected", String(isIt));
    tab.tabIndex = isIt ? 0 : -1;
  });
  mark(chosen);
  return node;
}

/** Show that a choice cannot be made, and why; without a reason it can. */
export function refuse(node, input, reason = "") {
  input.disabled = reason !== "";
  node.classList.toggle("impossible", reason !== "");
  node.title = reason;
}

/** Choices side by side. Return {node, draw(reasons)} for a field of `choice`; options are [text, value], a reason is under "name:value". */
export function choices(legend, name, options, choice, update) {
  const inputs = options.map(([text, value]) => {
    const radio = el("input", { type: "radio", name, onchange: () => update({ [name]: value }) });
    return { radio, value, label: el("label", radio, el("span", text)) };
  });
  return {
    node: el("fieldset", el("legend", legend), el("div.segments", inputs.map((each) => each.label))),
    draw(known) {
      for (const { radio, value, label } of inputs) {
        radio.checked = choice[name] === value;
        refuse(label, radio, known[`${name}:${value}`]);
        // What is chosen stays in the keyboard's reach.
        if (radio.checked) radio.disabled = false;
      }
    },
  };
}

export function skeletons(count, kind = "") {
  return el("div", { class: `grid ${kind}`, "aria-busy": "true", "aria-label": "Loading" },
    Array.from({ length: count }, () => el("div.skeleton")));
}

export function empty(iconName, title, text, ...actions) {
  return el("div.state", el("span.state-icon", icon(iconName)),
    el("h2", title), el("p", text), el("div.row.center", actions));
}

export function failure(error, again) {
  return el("div.state.bad", { role: "alert" }, el("span.state-icon", icon("alert")),
    el("h2", "This could not be loaded"), el("p", error.message), again && button("Try again", again));
}

/** Fill a place with what `read` makes; show that it loads, and what went wrong. */
export async function load(place, read, signal, loading = skeletons(1)) {
  fill(place, loading);
  const shown = await read().catch((error) => failure(error, () => load(place, read, signal, loading)));
  if (!signal.aborted) fill(place, shown);
}

/**
 * Return what reads page after page into a list as its end comes into view. `page(after)` gives {nodes, pageInfo},
 * `draw(node)` an item; the list is shown as a part of `shown`, and where it is empty, `none` is said.
 */
export function endless({ page, draw, none, loading = skeletons(1), list, shown = list }, signal) {
  const more = button("Load more", () => next(), { kind: "quiet" });
  const place = el("div", loading);
  const end = el("div.more");
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
    if (after === null) fill(place, nodes.length ? shown : empty(...none));
    list.append(...nodes.map(draw));
    after = pageInfo.endCursor;
    fill(end, pageInfo.hasNextPage && more);
    watcher.disconnect();
    if (pageInfo.hasNextPage) watcher.observe(end);
  }

  next();
  return [place, end];
}
