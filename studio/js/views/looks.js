// All looks: own ones, shared ones, public ones.

import { read } from "../api.js";
import { LOOKS } from "../documents.js";
import { el, fill, picture, safeUrl } from "../dom.js";
import { counted } from "../format.js";
import { endless, heading, newLink, search, skeletons, successive, tabs } from "../parts.js";
import { session } from "../session.js";

const TABS = [["MY_PRIVATE", "Mine"], ["SHARED_WITH_ME", "Shared with me"], ["PUBLIC", "Public"]];
const NONE = {
  MY_PRIVATE: ["No looks yet", "A look is an image with its products. Add one, then generate a video of it."],
  SHARED_WITH_ME: ["Nothing is shared with you", "Looks that others share with you are shown here."],
  PUBLIC: ["No public looks", "Looks that everybody may see are shown here."],
  ALL: ["No looks yet", "There is none on this server."],
};
const CALM = matchMedia("(prefers-reduced-motion: reduce), (hover: none)");
const newLook = () => newLink("#/looks/new", "New look");
const chosen = { view: "MY_PRIVATE", search: "" };

export function view(main, { signal }) {
  const views = session.viewer.isAdmin ? [...TABS, ["ALL", "All"]] : TABS;
  const results = el("div");
  const reading = successive(signal);

  function draw(change) {
    const until = reading();
    const { view, search: text } = Object.assign(chosen, change);
    const page = (after) => read(LOOKS, { view, search: text || null, after }, until);
    const list = el("ul.grid.looks-grid");
    fill(results, endless({ page, draw: card, none: none(view, text), loading: skeletons(8, "looks-grid"), list }, until));
  }

  fill(main,
    heading("Looks", "Choose a look to make a video of it.", { actions: newLook() }),
    el("div.bar", tabs("Which looks", views, chosen.view, (view) => draw({ view })), search("Search looks", "Title, notes, product or SKU", chosen.search, (text) => draw({ search: text }))),
    results);
  draw({});
}

function none(view, text) {
  if (text) return ["search", "Nothing found", `No look has “${text}” in its title, notes or products.`];
  return ["looks", ...NONE[view], view === "MY_PRIVATE" && newLook()];
}

function card(look) {
  const shown = look.videos.find((video) => video.isDefault && video.videoUrl);
  const frame = el("div.frame", picture(look.generatedImageUrl),
    shown && el("span.chip.badge", "▶ Video"));
  const link = el("a.look-card", { href: `#/look/${look.id}` }, frame,
    el("div.caption", el("h2", look.title || "Untitled look"),
      el("p.muted", [counted(look.products.length, "product"), counted(look.videoCount, "video"), look.visibility.toLowerCase()].join(" · "))));
  if (shown) playOnHover(link, frame, shown.videoUrl);
  return el("li", link);
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
