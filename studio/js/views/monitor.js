// For admins: whether the service is well, everybody's videos, accounts, and what admins did.

import { read, run, serverNow } from "../api.js";
import { callButton } from "../calls.js";
import { AUDIT_LOG, MONITOR, PAUSE, RESUME } from "../documents.js";
import { el, fill, svg } from "../dom.js";
import { dateTime, duration, number, tokens, words } from "../format.js";
import { empty, endless, every, facts, failure, heading, panel, skeletons, successive, table, tabs } from "../parts.js";
import { session } from "../session.js";
import { acting, confirmed, done } from "../toast.js";
import { jobs } from "./monitor_jobs.js";
import { users } from "./monitor_users.js";

const LOOK_MS = 5000;
const HOURS = 24;
const [WIDTH, HEIGHT, FEWEST] = [300, 72, 14];
const PARTS = [[overview, "Overview"], [jobs, "Videos"], [users, "Accounts"], [audit, "Audit log"]];
let chosen = overview;

export function view(main, { signal }) {
  if (!session.viewer.isAdmin) return fill(main, empty("monitor", "For admins", "Sign in with an admin's token."));
  const place = el("div.stack");
  const next = successive(signal);
  const show = (part) => {
    chosen = part;
    part(place, next());
  };
  fill(main, heading("Monitor", "How the service is doing, and what admins can do about it.", { actions: callButton(MONITOR) }),
    el("div.bar", tabs("Parts of the monitor", PARTS, chosen, show)), place);
  return show(chosen);
}

function overview(place, signal) {
  const [figures, pause, lately] = [el("div", skeletons(1)), el("div"), el("div.stack")];
  fill(place, figures, pause, lately);
  let paused = null;

  async function look() {
    const since = new Date(serverNow() - HOURS * 3_600_000).toISOString();
    const health = fetch("healthz", { signal }).then((answer) => answer.json()).catch(() => ({ status: "unreachable" }));
    try {
      const found = await run(MONITOR, { since }, { signal });
      fill(figures, state(found, (await health).status));
      fill(lately, plots(found), el("div.columns.two.wide-left", providers(found), failures(found.recent)));
      // Whoever is about to press its button keeps it.
      if (paused !== (paused = JSON.stringify(found.adminQueue.pauses))) fill(pause, pauses(found.adminQueue.pauses, look));
    } catch (error) {
      if (!signal.aborted) fill(figures, failure(error, look));
    }
  }
  every(LOOK_MS, look, signal);
}

const counts = (found) => Object.fromEntries((found?.countsByStatus ?? []).map(({ status, count }) => [status, count]));
const percent = ({ SUCCEEDED: good = 0, FAILED: bad = 0 }) => (good + bad ? `${number(Math.round((100 * good) / (good + bad)))} %` : "–");

function state({ adminQueue: queue, recent }, status) {
  const { waiting, running, oldestWaitingSince: oldest, workers } = queue;
  return facts("figures", [["Service", status], ["Waiting", number(waiting)], ["Generating", number(running)],
    ["Oldest waits", oldest ? duration((serverNow() - new Date(oldest)) / 1000) : "–"], ["Succeeded", percent(counts(recent))], ["Busy workers", number(workers.length)]]);
}

function pauses(paused, look) {
  const pause = (scope, text) => acting(text, () => confirmed(`${text}?`, "They are refused with this reason, before any charge. Running ones go on.", text,
    (reason) => done("New videos are refused from now on.", PAUSE, { scope, reason }).then(look),
    { required: true, placeholder: "Back at 14:00 UTC." }), { kind: "small" });
  const resume = () => acting("Resume", () => done("New videos are accepted again.", RESUME, {}).then(look), { kind: "small primary" });
  return el("section", { class: `panel row between ${paused.length ? "paused" : ""}` },
    el("div", el("h3", paused.length ? "Paused" : "New videos are accepted"),
      paused.map(({ scope, reason }) => el("p.small", `${scope === "ALL" ? "All" : "Real"} videos: ${reason}`))),
    el("div.row", paused.length ? resume() : [pause("ALL", "Pause new videos"), pause("REAL", "Pause real videos")]));
}

function plots({ recent: { nodes }, adminSpending: { ceiling, days } }) {
  const times = (title, from, to) => {
    const known = nodes.filter((job) => job[from] && job[to]).map((job) => [dateTime(job.createdAt), (new Date(job[to]) - new Date(job[from])) / 1000]).reverse();
    const sorted = known.map(([, seconds]) => seconds).sort((one, other) => one - other);
    return plot(title, known, duration, sorted.length ? `Half at most ${duration(sorted[sorted.length >> 1])}, the longest ${duration(sorted.at(-1))}` : "No video yet");
  };
  return el("div.plots", times("Time in the queue", "createdAt", "startedAt"), times("Time in generation", "startedAt", "completedAt"),
    plot("Tokens by day", days.map((each) => [each.day, each.tokens]), tokens,
      `${tokens(days.at(-1).tokens)} today, ${ceiling === null ? "no ceiling" : `${number(ceiling)} at most`}`, ceiling));
}

/** Bars of [name, value], and in words what they show; `limit` is a line above them, if there is one. */
function plot(title, bars, form, says, limit = null) {
  const top = Math.max(...bars.map(([, value]) => value), limit ?? 0, 1);
  const step = WIDTH / Math.max(bars.length, FEWEST);
  const tall = (value) => Math.max((value / top) * (HEIGHT - 4), 1);
  return panel(title, el("p.muted.small", says),
    svg("svg.plot", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}: ${says}` },
      bars.map(([name, value], place) => svg("rect", { x: place * step, width: step * 0.8, y: HEIGHT - tall(value), height: tall(value) }, svg("title", `${name}: ${form(value)}`))),
      limit !== null && svg("path", { d: `M0 ${HEIGHT - tall(limit)}H${WIDTH}` })));
}

function providers(found) {
  const { shown, list, row } = table("Providers", "Provider", "#Waiting", "#Generating", "#Ended an hour", "#Succeeded", "State");
  list.append(...found.adminQueue.providers.map(({ provider, waiting, running, blockedUntil, trouble }) => {
    const ended = counts(found[provider]);
    const rate = ((ended.SUCCEEDED ?? 0) + (ended.FAILED ?? 0)) / HOURS;
    return row(provider, number(waiting), number(running), number(Number(rate.toFixed(1))), percent(ended), trouble ?? (blockedUntil ? `Waits until ${dateTime(blockedUntil)}` : "ok"));
  }));
  return panel("Providers, in the last day", shown);
}

function failures({ failuresByCode: codes }) {
  const { shown, list, row } = table("Failures", "Code", "#Videos");
  list.append(...codes.map(({ errorCode, count }) => row(el("code", errorCode), number(count))));
  return panel("Failures, in the last day", codes.length ? shown : el("p.muted", "None."));
}

function audit(place, signal) {
  const { shown, list, row } = table("Audit log", "When", "Who", "What", "Whom", "More");
  const draw = (act) => row(dateTime(act.createdAt), act.actorEmail ?? words(act.actor), words(act.action),
    act.user?.email ?? act.userId ?? "–", el("p", [act.details, act.reason].filter(Boolean).join(": ")));
  const page = (after) => read(AUDIT_LOG, { after }, signal);
  const none = ["monitor", "Nothing yet", "What admins and operators do to others' things is listed here."];
  fill(place, panel("Audit log", endless({ page, draw, none, list, shown }, signal)));
}
