// All accounts, and what an admin can do to one.

import { once, read } from "../api.js";
import { ACCOUNT_OF, ADMIN_USERS, GRANT, SET_STATUS } from "../documents.js";
import { button, el, fill } from "../dom.js";
import { date, number, words } from "../format.js";
import { chip, endless, field, load, search, successive, table } from "../parts.js";
import { on } from "../session.js";
import { acting, confirmed, done } from "../toast.js";
import { ledger, summary } from "./tokens.js";

export function users(place, signal) {
  const [next, opening] = [successive(signal), successive(signal)];
  const [one, results] = [el("div"), el("div")];

  let searched = "";

  function open(user) {
    const again = () => [show(searched), open(user)];
    const until = opening();
    load(one, () => account(user, again, until), until);
    one.scrollIntoView({ block: "center" });
  }

  function show(text) {
    searched = text;
    const { shown, list, row } = table("Accounts", "Account", "Status", "Role", "Tier", "#Balance", "#Videos", "Since");
    const draw = (user) => row(button(user.email ?? user.userId, () => open(user), { kind: "small quiet" }), chip(user.status, words(user.status)), words(user.role),
      user.tokens.tier, user.tokens.isUnlimited ? "Unlimited" : number(user.tokens.balance), number(user.videoJobCount), date(user.createdAt));
    const until = next();
    const page = (after) => read(ADMIN_USERS, { search: text || null, after }, until);
    fill(results, endless({ page, draw, none: ["search", "No such account", "An account is made at its first call."], list, shown }, until));
  }

  fill(place, el("div.bar", search("Find an account", "E-mail address or user id", "", show)), one, el("section.panel", results));
  show("");
}

async function account({ userId, email }, again, signal) {
  const found = await read(ACCOUNT_OF, { userId }, signal);
  const amount = el("input", { id: "grant", type: "number", min: "1", step: "1", value: "100" });
  const grant = async () => {
    const input = { userId, tokens: Number(amount.value), reason: "Granted in Studio" };
    await once(JSON.stringify(input), (idempotencyKey) => done("The tokens are there.", GRANT, { ...input, idempotencyKey }));
    on.balanceChanged();
    again();
  };
  const status = (value, text, means) => acting(text, () => confirmed(`${text}?`, `${email ?? userId} ${means}`, text, async (reason) => {
    await done(`The account is ${value.toLowerCase()}.`, SET_STATUS, { userId, status: value, reason: reason || null });
    again();
  }, {}));
  const entries = ledger();
  entries.list.append(...found.transactions.nodes.map(entries.draw));
  return el("section.panel.stack", el("h2", email ?? userId), summary(found),
    el("div.controls", field("Tokens to add", amount),
      el("div.row", acting("Grant", grant, { kind: "primary" }), status("SUSPENDED", "Suspend", "cannot call the API any more, and streams end at once."), status("ACTIVE", "Activate", "may call the API again."))),
    entries.shown);
}
