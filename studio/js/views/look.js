// A look: its image, its products, its videos as they are made, and the form for a new one.

import { change, run } from "../api.js";
import { callButton } from "../calls.js";
import { DELETE_LOOK, ONE_LOOK, SET_VISIBILITY } from "../documents.js";
import { button, el, fill, icon, picture, safeUrl } from "../dom.js";
import { counted, date, price } from "../format.js";
import { generateForm } from "../generate.js";
import { empty, failure, load, skeletons } from "../states.js";
import * as store from "../store.js";
import { attempt, confirmed, toast } from "../toast.js";
import { foreignCard, videoCard } from "../video_card.js";

const FRESH_MS = 5 * 60_000;

export function look(main, { id, signal }) {
  load(main, skeletons(3), () => whole(id, signal), signal);
}

async function read(id, signal) {
  const { look: found } = await run(ONE_LOOK, { id }, { signal });
  if (!found) throw new Error("There is no such look, or it is not shared with you.");
  return found;
}

async function whole(id, signal) {
  const first = await read(id, signal);
  const list = el("div", { class: "videos" });
  const count = el("span", { class: "muted" });
  const mine = first.viewerCanEdit;
  const form = el("div", { class: "panel", id: "generate" }, el("h2", {}, "New video"), el("div", { class: "skeleton" }));
  let drawn = null;
  let readAt = Date.now();

  function draw(found) {
    drawn?.abort();
    drawn = new AbortController();
    signal.addEventListener("abort", () => drawn.abort());
    const { signal: until } = drawn;
    count.textContent = counted(found.videos.length, "video");
    const cards = found.videos.map((video) => card(video, { lookId: id, isDefault: video.isDefault, changed: refresh }, until));
    fill(list, cards.length ? el("ul", { class: "grid videos-grid" }, cards.map((each) => el("li", {}, each)))
      : empty("videos", "No video yet", "Say what should happen, and generate the first one."));
  }

  async function refresh() {
    try {
      const found = await read(id, signal);
      readAt = Date.now();
      draw(found);
    } catch (error) {
      if (!signal.aborted) toast(error.message, { kind: "bad" });
    }
  }

  // A video that was made elsewhere for this look; and addresses of files, which expire.
  store.onJobs(({ isNew }) => isNew && refresh(), signal);
  document.addEventListener("visibilitychange", () => !document.hidden && Date.now() - readAt > FRESH_MS && refresh(), { signal });
  draw(first);
  if (mine) generateForm({ look: first, created: () => {}, signal }).then(
    (made) => fill(form, el("h2", {}, "New video"), made),
    (error) => signal.aborted || fill(form, failure(error)));
  return [head(first), el("div", { class: "columns" },
    el("aside", { class: "about" }, el("div", { class: "portrait" }, picture(first.generatedImageUrl, first.title ?? "The look's image", { loading: "eager" })), products(first), mine && manage(first)),
    el("section", { class: "made", "aria-label": "Videos" }, el("div", { class: "row between" }, el("h2", {}, "Videos"), count), list),
    mine && form)];
}

function card(video, place, signal) {
  if (!video.videoJob) return foreignCard(video);
  return videoCard(store.put(video.videoJob), { place, signal });
}

function head(found) {
  return el("header", { class: "title" }, el("div", {},
    el("a", { class: "back", href: "#/looks" }, icon("back"), "Looks"),
    el("h1", {}, found.title || "Untitled look"),
    found.notes && el("p", { class: "notes" }, found.notes),
    el("p", { class: "muted small" }, `Added ${date(found.createdAt)}`)),
    callButton("Look"));
}

function products(found) {
  return el("section", {}, el("h2", {}, "Products"), el("ul", { class: "products" }, found.products.map((product) => {
    const address = safeUrl(product.productUrl);
    const name = el("b", {}, product.name);
    return el("li", {}, picture(product.thumbnailUrl, "", { class: "thumb" }),
      el("div", {}, address ? el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, name) : name,
        el("p", { class: "muted small" }, [product.designer, product.sku].filter(Boolean).join(" · "))),
      product.price !== null && el("span", { class: "amount" }, price(product.price)));
  })));
}

function manage(found) {
  const select = el("select", { id: "visibility", onchange: () => attempt(select, setVisibility, "SetLookVisibility") },
    ["PRIVATE", "SHARED", "PUBLIC"].map((value) => el("option", { value, selected: value === found.visibility }, value[0] + value.slice(1).toLowerCase())));
  const setVisibility = async () => {
    await change(SET_VISIBILITY, { id: found.id, visibility: select.value });
    toast("The visibility is changed.", { call: "SetLookVisibility" });
  };
  const drop = button("Delete look", ({ currentTarget }) => attempt(currentTarget, async () => {
    if (!(await confirmed("Delete this look?", "The look and its products go. Its videos stay in your list of videos.", "Delete"))) return;
    await change(DELETE_LOOK, { id: found.id });
    toast("The look is deleted.", { call: "DeleteLook" });
    location.hash = "#/looks";
  }, "DeleteLook"), { kind: "small danger-quiet", iconName: "trash" });
  return el("section", { class: "manage" }, el("div", { class: "field" }, el("label", { for: "visibility" }, "Who may see it"), select), drop);
}
