// For whoever writes a client: where the API is described, and what this page has just sent.

import { callList } from "../calls.js";
import { el, fill } from "../dom.js";
import { heading, panel } from "../parts.js";

const LINKS = [
  ["graphql", "Playground", "GraphiQL, signed in as you, with operations to begin with."],
  ["docs", "Swagger", "The REST API, as the legacy frontend uses it."],
  ["graphql/schema.graphql", "Schema", "The SDL, for code generators."],
  ["openapi.json", "OpenAPI", "The description of REST, version 3.1."],
];

export function view(main) {
  fill(main,
    heading("Developers", "Each call of this page is one that you can copy."),
    el("ul.grid", LINKS.map(([href, name, text]) => el("li", el("a.panel.link", { href }, el("h2", name), el("p.muted", text))))),
    panel("Sent by this page", el("p.muted.small", "Newest first. The curl lines take your token from $TOKEN."), callList()));
}
