// What there is to spend, where it went, and what things cost.

import { read } from "../api.js";
import { callButton } from "../calls.js";
import { LEDGER, POLICY } from "../documents.js";
import { el, fill } from "../dom.js";
import { date, dateTime, number, signed, tokens, words } from "../format.js";
import { endless, facts, heading, load, panel, skeletons, table } from "../parts.js";

export function view(main, { signal }) {
  const account = el("div", skeletons(1));
  const prices = el("div");
  const page = async (after) => {
    const viewer = await read(LEDGER, { after }, signal);
    if (after === null) fill(account, summary(viewer.tokens));
    return viewer.tokens.transactions;
  };
  const none = ["tokens", "Nothing yet", "Your first video is the first line here."];
  fill(main,
    heading("Tokens", "Every change of your balance, with what it left.", { actions: callButton(LEDGER) }),
    account,
    el("div.columns.two.wide-left",
      panel("Ledger", endless({ page, none, ...ledger() }, signal)),
      panel("Prices", prices)));
  load(prices, async () => priceList(await read(POLICY, {}, signal)), signal);
}

/** A table of entries; `draw(entry)` makes a row of it. */
export function ledger() {
  const made = table("Ledger", "When", "What", "For", "#Change", "#Balance");
  const draw = ({ kind, amount, uncharged, balanceAfter, operation, description, videoJobId, createdAt }) => {
    const what = description || operation || "";
    return made.row(dateTime(createdAt), words(kind), videoJobId ? el("a", { href: `#/video/${videoJobId}` }, what || "Video") : el("p", what),
      el("span", { class: amount > 0 && "plus" }, uncharged ? `(${number(uncharged)})` : signed(amount)), number(balanceAfter));
  };
  return { ...made, draw };
}

export const summary = (account) => facts("figures", [
  ["Balance", account.isUnlimited ? "Unlimited" : number(account.balance)],
  ["Used in this period", number(account.consumed)],
  ["Ever used", number(account.lifetimeConsumed)],
  ["Tier", account.tier],
  ["Period ends", date(account.periodEnd)],
]);

function priceList({ operations, tiers, videoPrices }) {
  const sound = { true: "sound", false: "silent" };
  const mode = { true: "sample", false: "real" };
  const rule = (each) => [each.model, each.resolution, each.durationSeconds && `${each.durationSeconds} s`, sound[each.generateAudio], mode[each.mockMode]]
    .filter(Boolean).join(" · ") || "any video";
  return [
    facts("data", operations.map(({ operation, cost }) => [words(operation), tokens(cost)])),
    videoPrices.length > 0 && [el("h3", "Videos by form"), facts("data", videoPrices.map((each) => [rule(each), tokens(each.cost)]))],
    el("h3", "Tiers"),
    facts("data", tiers.map((tier) => [tier.name, `${tier.isUnlimited ? "unlimited" : tokens(tier.share)}, ${tier.slots} at once`])),
  ];
}
