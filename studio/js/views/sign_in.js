// Signing in: with a token, or as the demo user where this server has one.

import { button, el } from "../dom.js";
import { demoAddress, signIn } from "../session.js";
import { wordmark } from "../shell.js";
import { attempt, toast } from "../toast.js";

const COMMAND = ".venv/bin/lookreel token --email you@example.com";

export function signInView(enter, reason) {
  const field = el("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "token-help token-bad" });
  const bad = el("p", { id: "token-bad", class: "bad", role: "alert" }, reason);

  function submit(event) {
    event.preventDefault();
    if (signIn(field.value)) return enter();
    bad.textContent = "That is no token. A token has three parts with dots between them.";
    field.setAttribute("aria-invalid", "true");
    return field.focus();
  }

  return el("main", { id: "main", class: "sign-in" },
    el("section", { class: "promise" }, wordmark(),
      el("h1", {}, "Looks that move."),
      el("p", { class: "lead" }, "Turn the image of a look into a film of a few seconds, and watch it being made."),
      el("ol", { class: "steps" },
        el("li", {}, el("b", {}, "Look"), "An image with its products."),
        el("li", {}, el("b", {}, "Generate"), "The price is shown before the click."),
        el("li", {}, el("b", {}, "Watch"), "Progress as it happens, then the film."))),
    el("section", { class: "door" },
      demoAddress() && el("div", { class: "demo" },
        el("h2", {}, "Have a look around"),
        el("p", { class: "muted" }, "The demo user has a look and tokens. Nothing leaves this machine."),
        demoButton(enter),
        el("p", { class: "or" }, "or")),
      el("form", { class: "stack", onsubmit: submit, novalidate: true },
        el("label", { for: "token" }, "Sign in with a token"),
        field,
        el("p", { id: "token-help", class: "muted small" }, "Print one with ", el("code", {}, COMMAND)),
        bad,
        el("button", { class: demoAddress() ? "button" : "button primary", type: "submit" }, "Sign in")),
      el("p", { class: "links" }, el("a", { href: "graphql" }, "Playground"), el("a", { href: "docs" }, "Swagger"), el("a", { href: "graphql/schema.graphql" }, "Schema"))));
}

function demoButton(enter) {
  return button("Enter as the demo user", async ({ currentTarget: pressed }) => {
    const token = await attempt(pressed, demoToken);
    if (token && signIn(token)) enter();
  }, { kind: "primary wide" });
}

async function demoToken() {
  const response = await fetch(demoAddress(), { method: "POST" });
  const body = await response.json();
  if (!response.ok) throw new Error(body.detail ?? "The demo user cannot be had.");
  toast(`You are ${body.email}.`);
  return body.token;
}
