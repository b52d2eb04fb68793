// The page: signs in, then shows the view that the address names.

import { run } from "./api.js";
import { VIEWER } from "./documents.js";
import { el, fill } from "./dom.js";
import * as live from "./live.js";
import { authorization, onBalance, onSignedOut, session } from "./session.js";
import { shell } from "./shell.js";
import { failure } from "./states.js";
import * as store from "./store.js";
import { developers } from "./views/developers.js";
import { look } from "./views/look.js";
import { looks } from "./views/looks.js";
import { monitor } from "./views/monitor.js";
import { newLook } from "./views/new_look.js";
import { newVideo } from "./views/new_video.js";
import { signInView } from "./views/sign_in.js";
import { tokens } from "./views/tokens.js";
import { video } from "./views/video.js";
import { videos } from "./views/videos.js";

const ROUTES = [
  [/^#\/looks$/, "Looks", looks],
  [/^#\/looks\/new$/, "New look", newLook],
  [/^#\/look\/([0-9a-f-]+)$/, "Look", look],
  [/^#\/videos$/, "Videos", videos],
  [/^#\/videos\/new$/, "New video", newVideo],
  [/^#\/video\/([0-9a-f-]+)$/, "Video", video],
  [/^#\/tokens$/, "Tokens", tokens],
  [/^#\/monitor$/, "Monitor", monitor],
  [/^#\/developers$/, "Developers", developers],
];

const app = document.getElementById("app");
let frame = null;
let shown = new AbortController();

function show() {
  shown.abort();
  if (frame === null) return;
  const found = ROUTES.map(([pattern, title, view]) => [pattern.exec(location.hash), title, view]).find(([match]) => match);
  if (!found) return location.replace("#/looks");
  const [match, title, view] = found;
  shown = new AbortController();
  const main = el("main", { id: "main", tabindex: "-1", class: `view ${view.name}` });
  frame.place(main, location.hash);
  document.title = `${title} · Lookreel Studio`;
  view(main, { id: match[1], signal: shown.signal });
  window.scrollTo(0, 0);
}

async function enter() {
  if (!authorization()) return leave();
  try {
    session.viewer = (await run(VIEWER)).viewer;
  } catch (error) {
    if (authorization()) fill(app, el("main", { id: "main", class: "view alone" }, failure(error, enter)));
    return undefined;
  }
  frame = shell();
  fill(app, frame.node);
  live.start();
  return show();
}

function leave(reason = "") {
  shown.abort();
  live.stop();
  store.clear();
  frame = null;
  document.title = "Lookreel Studio";
  fill(app, signInView(enter, reason));
}

async function refreshBalance() {
  try {
    session.viewer = (await run(VIEWER)).viewer;
    frame?.balance();
  } catch {
    // The old one stays; the next change asks again.
  }
}

onSignedOut(leave);
onBalance(refreshBalance);
store.onJobs(({ ended }) => ended && refreshBalance());
window.addEventListener("hashchange", show);
enter();
