// The page: signs in, then shows the view that the address names.

import { read } from "./api.js";
import { VIEWER } from "./documents.js";
import { el, fill } from "./dom.js";
import { words } from "./format.js";
import * as live from "./live.js";
import { authorization, on, session } from "./session.js";
import { shell } from "./shell.js";
import { failure } from "./parts.js";
import * as store from "./store.js";
import { signInView } from "./views/sign_in.js";

// Each view is loaded when it is first shown, and the others soon after, so that the first one is there at once.
const OTHERS_MS = 2000;
const VIEWS = ["looks", "new_look", "look", "videos", "new_video", "video", "tokens", "monitor", "developers"];
const module = (name) => import(`./views/${name}.js`);

const app = document.getElementById("app");
let frame = null;
let shown = new AbortController();
let wasUsed = false;

async function show(moved) {
  shown.abort();
  if (frame === null) return;
  // "#/look/…", "#/looks/new", "#/looks".
  const [, place, id] = /^#\/([a-z]+)\/?(new|[0-9a-f-]*)$/.exec(location.hash) ?? [];
  const name = id === "new" ? `new_${place.slice(0, -1)}` : place;
  if (!VIEWS.includes(name)) return location.replace("#/looks");
  shown = new AbortController();
  const { signal } = shown;
  const main = el("main", { id: "main", tabindex: "-1", class: `view ${name}` });
  frame.place(main, location.hash);
  // The link that led here may be gone, and the keyboard's place with it.
  if (moved && document.activeElement === document.body) main.focus({ preventScroll: true });
  document.title = `${words(name)} · Lookreel Studio`;
  window.scrollTo(0, 0);
  try {
    const { view } = await module(name);
    if (!signal.aborted) view(main, { id, signal });
  } catch (error) {
    fill(main, failure(error, show));
  }
}

async function readViewer() {
  session.viewer = await read(VIEWER);
}

async function enter() {
  if (!authorization()) return leave();
  // What the views remember is the last user's.
  if (wasUsed) return location.reload();
  try {
    await readViewer();
  } catch (error) {
    return authorization() && fill(app, el("main.view.alone", { id: "main" }, failure(error, enter)));
  }
  frame = shell();
  fill(app, frame.node);
  live.start();
  return show();
}

function leave(reason = "") {
  shown.abort();
  live.stop();
  wasUsed ||= frame !== null;
  frame = null;
  document.title = "Lookreel Studio";
  fill(app, signInView(enter, reason));
}

// Where it cannot be read, the old one stays; the next change asks again.
const refreshBalance = () => readViewer().then(() => frame?.balance(), () => {});

on.signedOut = leave;
on.balanceChanged = refreshBalance;
store.onJobs(({ ended }) => ended && refreshBalance());
window.addEventListener("hashchange", show);
// A file that misses its place would take the page's.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.dataTransfer.types.includes("Files") && event.preventDefault());
// Addresses name views: this one is no address.
document.querySelector(".skip").onclick = (event) => {
  event.preventDefault();
  document.getElementById("main").focus();
};
enter();
setTimeout(() => VIEWS.forEach((name) => module(name).catch(() => {})), OTHERS_MS);
