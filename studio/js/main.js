// The page: signs in, then shows the view that the address names.

import { run } from "./api.js";
import { VIEWER } from "./documents.js";
import { el, fill } from "./dom.js";
import * as live from "./live.js";
import { authorization, on, session } from "./session.js";
import { shell } from "./shell.js";
import { failure } from "./parts.js";
import * as store from "./store.js";
import { developers } from "./views/developers.js";
import { look } from "./views/look.js";
import { looks } from "./views/looks.js";
import { monitor } from "./views/monitor.js";
import { newLook } from "./views/new_look.js";
import { signInView } from "./views/sign_in.js";
import { tokens } from "./views/tokens.js";
import { video } from "./views/video.js";
import { newVideo, videos } from "./views/videos.js";

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

async function readViewer() {
  session.viewer = (await run(VIEWER)).viewer;
}

async function enter() {
  if (!authorization()) return leave();
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
  store.clear();
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
enter();
