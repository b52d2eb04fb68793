// For admins: whether the service is well, and one account at a time.

import { change, newKey, run } from "../api.js";
import { callButton } from "../calls.js";
import { ACCOUNT_OF, GRANT, POLICY, RESET_PERIOD, SET_STATUS, SET_TIER } from "../documents.js";
import { button, el, fill } from "../dom.js";
import { number } from "../format.js";
import { balanceChanged, session } from "../session.js";
import { empty, load, skeletons } from "../states.js";
import { attempt, confirmed, toast } from "../toast.js";
import { ledgerTable, summary } from "./tokens.js";

const LOOK_MS = 5000;
const UUID = /^[0-9a-f-]{36}$/i;

export function monitor(main, { signal }) {
  if (!session.viewer.isAdmin) return fill(main, empty("monitor", "For admins", "Sign in with an admin's token to see how the service is doing."));
  const health = el("div", {}, skeletons(1));
  const result = el("div", { class: "stack" });
  const field = el("input", { id: "account", type: "search", autocomplete: "off", placeholder: "E-mail address or user id" });
  const find = el("form", { class: "controls", role: "search", onsubmit: (event) => { event.preventDefault(); show(field.value.trim()); } },
    el("div", { class: "field" }, el("label", { for: "account" }, "Find an account"), field),
    el("div", { class: "row" }, el("button", { class: "button primary", type: "submit" }, "Find"), callButton("Account")));
  const show = (text) => text && load(result, skeletons(1), () => account(text, () => show(text), signal), signal);

  fill(main,
    el("header", { class: "title" }, el("div", {}, el("h1", {}, "Monitor"), el("p", { class: "muted" }, "How the service is doing, and whose tokens are where."))),
    health, el("section", { class: "panel stack" }, find, result));
  const look = () => document.hidden || readHealth(signal).then((found) => signal.aborted || fill(health, found));
  look();
  const timer = setInterval(look, LOOK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
  return undefined;
}

async function readHealth(signal) {
  const began = performance.now();
  let body = { status: "unreachable" };
  try {
    body = await (await fetch("healthz", { signal })).json();
  } catch {
    // It is said below.
  }
  const took = Math.round(performance.now() - began);
  return el("dl", { class: "figures" }, [
    ["Service", body.status],
    ["Generation", body.generation ?? body.detail ?? "ok"],
    ["Following", body.following ?? "ok"],
    ["Answers in", `${number(took)} ms`],
  ].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

async function account(text, again, signal) {
  const who = UUID.test(text) ? { userId: text } : { email: text };
  const [{ tokenAccount: found }, { policy }] = await Promise.all([run(ACCOUNT_OF, who, { signal }), run(POLICY, {}, { signal })]);
  if (!found) return empty("search", "No such account", `Nobody here is called ${text}. An account is made at its first call.`);
  return [summary(found), actions(found, policy, again), ledgerTable(found.transactions.nodes)];
}

function actions(found, policy, again) {
  const { userId } = found;
  const amount = el("input", { id: "grant", type: "number", min: "1", step: "1", value: "100" });
  const tier = el("select", { id: "tier" }, policy.tiers.map((each) => el("option", { value: each.tier, selected: each.tier === found.tier }, each.name)));
  const acting = (name, document_, input, said, kind = "") => button(name, ({ currentTarget }) => attempt(currentTarget, async () => {
    const given = await input();
    if (!given) return;
    await change(document_, given);
    toast(said, { call: /mutation (\w+)/.exec(document_)[1] });
    balanceChanged();
    again();
  }), { kind });
  const status = (value, text, said) => acting(text, SET_STATUS,
    async () => ((await confirmed(`${text}?`, `${userId} ${value === "ACTIVE" ? "may call the API again." : "cannot call the API any more, and streams end at once."}`, text)) ? { userId, status: value } : null), said);
  return el("div", { class: "controls" },
    el("div", { class: "field" }, el("label", { for: "grant" }, "Tokens to add"), amount),
    el("div", { class: "row" }, acting("Grant", GRANT, () => ({ userId, tokens: Number(amount.value), reason: "Granted in Studio", idempotencyKey: newKey() }), "The tokens are there.", "primary")),
    el("div", { class: "field" }, el("label", { for: "tier" }, "Tier"), tier),
    el("div", { class: "row" }, acting("Set tier", SET_TIER, () => ({ userId, tier: tier.value }), "The tier is another one."),
      acting("New period", RESET_PERIOD, () => ({ userId }), "A new period has begun.")),
    el("div", { class: "row" }, status("SUSPENDED", "Suspend", "The account is suspended."), status("ACTIVE", "Activate", "The account is active.")));
}
