// All looks: own ones, shared ones, public ones.

import { run } from "../api.js";
import { LOOKS } from "../documents.js";
import { el, fill, icon, picture, safeUrl } from "../dom.js";
import { counted } from "../format.js";
import { session } from "../session.js";
import { empty, endless, skeletons } from "../states.js";
import { tabs } from "../tabs.js";

const TABS = [["MY_PRIVATE", "Mine"], ["SHARED_WITH_ME", "Shared with me"], ["PUBLIC", "Public"]];
const NONE = {
  MY_PRIVATE: ["No looks yet", "A look is an image with its products. Add one, then generate a video of it."],
  SHARED_WITH_ME: ["Nothing is shared with you", "Looks that others share with you are shown here."],
  PUBLIC: ["No public looks", "Looks that everybody may see are shown here."],
  ALL: ["No looks yet", "There is none on this server."],
};
const CALM = matchMedia("(prefers-reduced-motion: reduce), (hover: none)");
const TYPING_MS = 250;
const chosen = { view: "MY_PRIVATE", search: "" };

export function looks(main, { signal }) {
  const views = session.viewer.isAdmin ? [...TABS, ["ALL", "All"]] : TABS;
  const results = el("div", { class: "results" });
  const field = el("input", { type: "search", placeholder: "Title, notes, product or SKU", "aria-label": "Search looks", value: chosen.search });
  let typing = null;
  let reading = new AbortController();
  signal.addEventListener("abort", () => reading.abort());
  field.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => {
      chosen.search = field.value;
      draw();
    }, TYPING_MS);
  });

  const bar = tabs("Which looks", views, (view) => {
    chosen.view = view;
    draw();
  });

  function draw() {
    reading.abort();
    reading = new AbortController();
    const { view, search } = chosen;
    bar.select(view);
    const page = async (after) => (await run(LOOKS, { view, search: search.trim() || null, after }, { signal: reading.signal })).looks;
    const list = el("ul", { class: "grid looks-grid" });
    const loading = skeletons(8, "looks-grid");
    fill(results, endless({ page, draw: card, none: () => none(view, search), loading, list }, reading.signal));
  }

  fill(main,
    el("header", { class: "title" }, el("div", {}, el("h1", {}, "Looks"), el("p", { class: "muted" }, "Choose a look to make a video of it.")),
      el("a", { class: "button primary", href: "#/looks/new" }, icon("plus"), "New look")),
    el("div", { class: "bar" }, bar.node,
      el("label", { class: "search" }, icon("search"), field)),
    results);
  draw();
}

function none(view, search) {
  if (search.trim()) return empty("search", "Nothing found", `No look has “${search.trim()}” in its title, notes or products.`);
  const add = view === "MY_PRIVATE" && el("a", { class: "button primary", href: "#/looks/new" }, icon("plus"), "New look");
  return empty("looks", ...NONE[view], ...(add ? [add] : []));
}

function card(look) {
  const shown = look.videos.find((video) => video.isDefault && video.videoUrl);
  const frame = el("div", { class: "frame" }, picture(look.generatedImageUrl),
    shown && el("span", { class: "badge" }, icon("play"), "Video"));
  const link = el("a", { class: "look-card", href: `#/look/${look.id}` }, frame,
    el("div", { class: "caption" }, el("h2", {}, look.title || "Untitled look"),
      el("p", { class: "muted" }, [counted(look.products.length, "product"), counted(look.videoCount, "video"), look.visibility.toLowerCase()].join(" · "))));
  if (shown) playOnHover(link, frame, shown.videoUrl);
  return el("li", {}, link);
}

function playOnHover(link, frame, address) {
  let player = null;
  const play = () => {
    if (CALM.matches || player || !safeUrl(address)) return;
    player = el("video", { src: safeUrl(address), muted: true, loop: true, playsinline: true, autoplay: true, "aria-hidden": "true" });
    frame.append(player);
  };
  const end = () => {
    player?.remove();
    player = null;
  };
  for (const event of ["pointerenter", "focus"]) link.addEventListener(event, play);
  for (const event of ["pointerleave", "blur"]) link.addEventListener(event, end);
}
