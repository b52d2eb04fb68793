// What there is to spend, where it went, and what things cost.

import { run } from "../api.js";
import { callButton } from "../calls.js";
import { LEDGER, POLICY } from "../documents.js";
import { el, fill } from "../dom.js";
import { dateTime, date, number, signed, tokens as asTokens } from "../format.js";
import { empty, endless, load, skeletons } from "../states.js";

const KINDS = { WELCOME: "Welcome", GRANT: "Top-up", CHARGE: "Charge", REFUND: "Refund", ADJUSTMENT: "Adjustment", RESET: "New period", TIER_CHANGE: "New tier" };

export function tokens(main, { signal }) {
  const account = el("div", {}, skeletons(1));
  const prices = el("div", {});
  const { table, body } = emptyTable();
  const page = async (after) => {
    const { viewer } = await run(LEDGER, { after }, { signal });
    if (after === null) fill(account, summary(viewer.tokens));
    return viewer.tokens.transactions;
  };
  const list = el("div", {}, table);
  list.append = (...rows) => body.append(...rows);
  fill(main,
    el("header", { class: "title" }, el("div", {}, el("h1", {}, "Tokens"), el("p", { class: "muted" }, "Every change of your balance, with what it left.")), callButton("Tokens")),
    account,
    el("div", { class: "columns two wide-left" },
      el("section", { class: "panel" }, el("h2", {}, "Ledger"),
        endless({ page, draw: row, none: () => empty("tokens", "Nothing yet", "Your first video is the first line here."), loading: skeletons(1), list }, signal)),
      el("section", { class: "panel" }, el("h2", {}, "Prices"), prices)));
  load(prices, skeletons(1), async () => priceList((await run(POLICY, {}, { signal })).policy), signal);
}

function emptyTable() {
  const body = el("tbody", {});
  const heads = ["When", "What", "For", "Change", "Balance"].map((text, place) => el("th", { scope: "col", class: place > 2 ? "number" : "" }, text));
  const table = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Ledger" },
    el("table", {}, el("thead", {}, el("tr", {}, heads)), body));
  return { table, body };
}

/** A table of some entries. */
export function ledgerTable(entries) {
  const { table, body } = emptyTable();
  body.append(...entries.map(row));
  return table;
}

/** What an account has, in figures. */
export function summary(account) {
  const figures = [
    ["Balance", account.isUnlimited ? "Unlimited" : number(account.balance)],
    ["Used in this period", number(account.consumed)],
    ["Ever used", number(account.lifetimeConsumed)],
    ["Tier", account.tier],
    ["Period ends", date(account.periodEnd)],
  ];
  return el("dl", { class: "figures" }, figures.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function row({ kind, amount, uncharged, balanceAfter, operation, description, videoJobId, createdAt }) {
  const what = description || operation || "";
  return el("tr", {}, el("td", {}, el("time", { datetime: createdAt }, dateTime(createdAt))), el("td", {}, KINDS[kind] ?? kind),
    el("td", { class: "what" }, videoJobId ? el("a", { href: `#/video/${videoJobId}` }, what || "Video") : what),
    el("td", { class: `number ${amount > 0 ? "plus" : ""}` }, uncharged ? `(${number(uncharged)})` : signed(amount)), el("td", { class: "number" }, number(balanceAfter)));
}

function priceList({ operations, tiers, videoPrices }) {
  const rule = (each) => [each.model, each.resolution, each.durationSeconds && `${each.durationSeconds} s`, each.generateAudio === null ? null : each.generateAudio ? "sound" : "silent",
    each.mockMode === null ? null : each.mockMode ? "sample" : "real"].filter(Boolean).join(" · ") || "any video";
  const rows = (pairs) => el("dl", { class: "data" }, pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
  return [
    rows(operations.map(({ operation, cost }) => [operation.replaceAll("_", " "), asTokens(cost)])),
    videoPrices.length > 0 && [el("h3", {}, "Videos by form"), rows(videoPrices.map((each) => [rule(each), asTokens(each.cost)]))],
    el("h3", {}, "Tiers"),
    rows(tiers.map((tier) => [tier.name, `${tier.isUnlimited ? "unlimited" : asTokens(tier.share)}, ${tier.slots} at once`])),
  ];
}
