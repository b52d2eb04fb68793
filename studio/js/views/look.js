// A look: its image, its products, its videos as they are made, and the form for a new one.

import { read } from "../api.js";
import { callButton } from "../calls.js";
import { DELETE_LOOK, ONE_LOOK, SET_VISIBILITY } from "../documents.js";
import { el, fill, picture, safeUrl } from "../dom.js";
import { counted, date, price, words } from "../format.js";
import { generateForm } from "../generate.js";
import { empty, field, heading, load, select, skeletons, successive } from "../parts.js";
import * as store from "../store.js";
import { acting, attempt, confirmed, done, toast } from "../toast.js";
import { foreignCard, videoCard } from "../video_card.js";

const FRESH_MS = 5 * 60_000;

export function view(main, { id, signal }) {
  load(main, () => whole(id, signal), signal, skeletons(3));
}

async function readLook(id, signal) {
  const found = await read(ONE_LOOK, { id }, signal);
  if (!found) throw new Error("There is no such look, or it is not shared with you.");
  return found;
}

async function whole(id, signal) {
  const first = await readLook(id, signal);
  const [list, grid] = [el("div"), el("ul.grid")];
  const count = el("span.muted");
  const mine = first.viewerCanEdit;
  const form = el("div");
  const [reading, drawing] = [successive(signal), successive(signal)];
  let [readAt, stale, drawn, until] = [0, true];

  // Unless all is stale, only what is new comes: a video that plays stops where it is drawn anew, or moved.
  function draw(found) {
    count.textContent = counted(found.videos.length, "video");
    if (stale) {
      [readAt, stale, drawn, until] = [Date.now(), false, new Set(), drawing()];
      fill(grid);
    }
    found.videos.forEach(({ videoJob: job, ...video }, at) => {
      if (drawn.has(video.id)) return;
      drawn.add(video.id);
      grid.insertBefore(el("li", job === null ? foreignCard(video)
        : videoCard(store.put(job), { place: { lookId: id, isDefault: video.isDefault, changed: refresh }, signal: until })), grid.children[at] ?? null);
    });
    const shown = found.videos.length ? grid : empty("videos", "No video yet", "Say what should happen, and generate the first one.");
    if (shown !== list.firstChild) fill(list, shown);
  }

  async function refresh(all = true) {
    const until = reading();
    stale ||= all;
    try {
      draw(await readLook(id, until));
    } catch (error) {
      if (!until.aborted) toast(error.message, ONE_LOOK, "bad");
    }
  }

  draw(first);
  // A video that was made elsewhere for this look; and addresses of files, which expire.
  store.onJobs(({ isNew }) => isNew && refresh(false), signal);
  document.addEventListener("visibilitychange", () => !document.hidden && Date.now() - readAt > FRESH_MS && refresh(), { signal });
  if (mine) load(form, () => generateForm({ look: first, signal }), signal);
  return [head(first), el("div.columns",
    el("aside.stack.about", el("div.portrait", picture(first.generatedImageUrl, first.title ?? "The look's image", { loading: "eager" })), products(first), mine && manage(first)),
    el("section.stack.made", { "aria-label": "Videos" }, el("div.row.between", el("h2", "Videos"), count), list),
    mine && el("div.panel", { id: "generate" }, el("h2", "New video"), form))];
}

function head(found) {
  const text = [found.notes && el("p.notes", found.notes), el("p.muted.small", `Added ${date(found.createdAt)}`)];
  return heading(found.title || "Untitled look", text, { back: ["#/looks", "Looks"], actions: callButton(ONE_LOOK) });
}

function products(found) {
  return el("section", el("h2", "Products"), el("ul.products", found.products.map((product) => {
    const address = safeUrl(product.productUrl);
    const name = el("b", product.name);
    return el("li", picture(product.thumbnailUrl, "", { class: "thumb" }),
      el("div", address ? el("a", { href: address, target: "_blank", rel: "noopener noreferrer" }, name) : name,
        el("p.muted.small", [product.designer, product.sku].filter(Boolean).join(" · "))),
      product.price !== null && el("span.number", price(product.price)));
  })));
}

function manage(found) {
  const options = ["PRIVATE", "SHARED", "PUBLIC"].map((value) => [value, words(value)]);
  const visibility = select({ id: "visibility", onchange: () => attempt(visibility, setVisibility) }, options, found.visibility);
  const setVisibility = async () => {
    try {
      const { look } = await done("The visibility is changed.", SET_VISIBILITY, { id: found.id, visibility: visibility.value });
      found.visibility = look.visibility;
    } finally {
      visibility.value = found.visibility;
    }
  };
  const remove = () => confirmed("Delete this look?", "The look and its products go. Its videos stay in your list of videos.", "Delete", async () => {
    await done("The look is deleted.", DELETE_LOOK, { id: found.id });
    location.hash = "#/looks";
  });
  return el("section.stack.manage", field("Who may see it", visibility),
    acting("Delete look", remove, { kind: "small danger-quiet", iconName: "trash" }));
}
