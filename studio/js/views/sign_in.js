// Signing in: with a token, or as the demo user where this server has one.

import { el } from "../dom.js";
import { form } from "../parts.js";
import { demoAddress, signIn } from "../session.js";
import { wordmark } from "../shell.js";
import { acting, toast } from "../toast.js";

const STEPS = [["Look", "An image with its products."], ["Generate", "The price is shown before the click."], ["Watch", "Progress as it happens, then the film."]];
const COMMAND = ".venv/bin/lookreel token --email you@example.com";

export function signInView(enter, reason) {
  const field = el("input", { id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true, "aria-describedby": "token-help token-bad" });
  const bad = el("p.bad", { id: "token-bad", role: "alert" }, reason);

  async function demo() {
    const response = await fetch(demoAddress(), { method: "POST" });
    const { detail, email, token } = await response.json();
    if (!response.ok) throw new Error(detail ?? "The demo user cannot be had.");
    signIn(token);
    toast(`You are ${email}.`);
    await enter();
  }

  function submit() {
    if (signIn(field.value)) return enter();
    bad.textContent = "That is no token. A token has three parts with dots between them.";
    field.setAttribute("aria-invalid", "true");
    return field.focus();
  }

  return el("main.sign-in", { id: "main", tabindex: "-1" },
    el("section.promise", wordmark(),
      el("h1", "Looks that move."),
      el("p.lead", "Turn the image of a look into a film of a few seconds, and watch it being made."),
      el("ol.steps", STEPS.map(([name, text]) => el("li", el("b", name), text)))),
    el("section.door",
      demoAddress() && el("div.stack",
        el("h2", "Have a look around"),
        el("p.muted", "The demo user has a look and tokens. Nothing leaves this machine."),
        acting("Enter as the demo user", demo, { kind: "primary wide" }),
        el("p.or", "or")),
      form({ class: "stack", novalidate: true }, submit,
        el("label", { for: "token" }, "Sign in with a token"),
        field,
        el("p.muted.small", { id: "token-help" }, "Print one with ", el("code", COMMAND)),
        bad,
        el("button", { class: demoAddress() ? "button" : "button primary", type: "submit" }, "Sign in")),
      el("p.links", el("a", { href: "graphql" }, "Playground"), el("a", { href: "docs" }, "Swagger"), el("a", { href: "graphql/schema.graphql" }, "Schema"))));
}
