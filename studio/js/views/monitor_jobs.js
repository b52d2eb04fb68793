// Everybody's videos, live, and what can be done to many of them.

import { change, read } from "../api.js";
import { ADMIN_JOBS, CANCEL_JOBS, FOLLOW_ADMIN_JOBS, RETRY_JOBS } from "../documents.js";
import { el, fill } from "../dom.js";
import { STATUS, ago, counted, isActive } from "../format.js";
import * as live from "../live.js";
import { chip, endless, every, search, select, successive, table } from "../parts.js";
import { acting, confirmed, toast } from "../toast.js";

const POLL_MS = 3000;
const CODE = /^[A-Z_]{4,}$/;
const ACTIVE = ["PENDING", "RUNNING"];
const FILTERS = [["", "All"], ["ACTIVE", "In progress"], ...Object.entries(STATUS)];

export function jobs(place, signal) {
  const wanted = { status: "", text: "" };
  const next = successive(signal);
  const results = el("div");
  let known = new Map();
  let shown = null;

  const statuses = () => (wanted.status === "ACTIVE" ? ACTIVE : wanted.status ? [wanted.status] : null);
  const filter = () => ({ status: statuses(), ...(CODE.test(wanted.text) ? { errorCode: [wanted.text] } : { search: wanted.text || null }) });
  const page = (after) => read(ADMIN_JOBS, { filter: filter(), after }, signal);
  const fits = ({ status, errorCode, prompt }) => (statuses()?.includes(status) ?? true)
    && (CODE.test(wanted.text) ? errorCode === wanted.text : (prompt ?? "").toLowerCase().includes(wanted.text.toLowerCase()));

  function draw(job) {
    const row = shown.row(chip(job.status, job.status === "RUNNING" ? `${job.progressPercentage} %` : STATUS[job.status]),
      el("a", { href: `#/video/${job.id}` }, job.prompt || "Without a prompt"), job.user.email ?? job.user.userId, ago(job.createdAt), job.errorCode ?? "");
    known.set(job.id, { job, row });
    return row;
  }

  function take(job) {
    const { job: old, row } = known.get(job.id) ?? {};
    if (!shown || (old && old.version >= job.version)) return;
    if (!fits(job)) {
      row?.remove();
      known.delete(job.id);
    } else if (row) row.replaceWith(draw(job));
    else if (!shown.list.isConnected) show({});
    else if (isActive(job)) shown.list.prepend(draw(job));
  }

  function show(changed) {
    Object.assign(wanted, changed);
    known = new Map();
    shown = table("Everybody's videos", "Status", "Prompt", "Whose", "Made", "Failed for");
    fill(results, endless({ page, draw, none: ["videos", "None", "No video is like that."], ...shown }, next()));
  }

  const bulk = (text, document_, doing) => acting(text, async () => {
    wanted.text = typed.control.value.trim();
    const these = filter();
    const { matched } = await change(document_, { filter: these, dryRun: true });
    if (!matched) throw new Error("There is no such video.");
    await confirmed(`${text}: ${counted(matched, "video")}?`, doing, text, async (reason) => {
      let [after, changed, codes] = [null, 0, new Set()];
      do {
        const part = await change(document_, { filter: these, reason: reason || null, after });
        changed += part.changed;
        part.results.forEach(({ code }) => code && codes.add(code));
        after = part.hasNextPage ? part.endCursor : null;
      } while (after);
      toast(`Done to ${changed} of ${counted(matched, "video")}. ${[...codes].join(", ")}`, document_);
    }, {});
  }, { kind: "small" });

  const typed = search("Search videos", "Prompt, or an error code", "", (text) => show({ text }));
  fill(place,
    el("div.bar",
      el("div.row", select({ "aria-label": "Status", onchange: (event) => show({ status: event.target.value }) }, FILTERS),
        typed),
      el("div.row", bulk("Cancel these", CANCEL_JOBS, "Those in progress end. What waits gets its tokens back."),
        bulk("Retry these", RETRY_JOBS, "Failed ones are made anew for their owners, who pay as for any."))),
    el("section.panel", results));
  show({});
  live.follow(FOLLOW_ADMIN_JOBS, () => ({}), take, signal);
  every(POLL_MS, () => live.state.is === "Live" || page(null).then(({ nodes }) => nodes.reverse().forEach(take), () => {}), signal);
}
