// Elements made without HTML: whatever comes from the API is text, and an address only where it is http or https.

const PROPERTIES = new Set(["value", "muted", "hidden", "selected"]);

/** Return an element: `el("p.muted", { title }, "Text")`. `on*` are listeners; children are nodes, texts, or nothing. */
export const el = (name, ...rest) => made((tag) => document.createElement(tag), name, rest);

export const svg = (name, ...rest) => made((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag), name, rest);

function made(create, name, [first, ...rest]) {
  const [tag, ...classes] = name.split(".");
  const node = create(tag);
  const hasAttributes = first?.constructor === Object;
  node.classList.add(...classes);
  for (const [key, value] of Object.entries(hasAttributes ? first : {})) set(node, key, value);
  node.append(...present(hasAttributes ? rest : [first, rest]));
  return node;
}

function set(node, key, value) {
  if ((value ?? false) === false) return;
  if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
  else if (PROPERTIES.has(key)) node[key] = value;
  else node.setAttribute(key, value === true ? "" : String(value));
}

const present = (children) => children.flat(Infinity).filter((child) => (child ?? false) !== false);

/** Put these children into the node, in place of those that are there. */
export function fill(node, ...children) {
  node.replaceChildren(...present(children));
  return node;
}

/** Return an address that may be shown or followed, or null: `javascript:` and its like are none. */
export function safeUrl(text) {
  const url = text ? URL.parse(text, document.baseURI) : null;
  return ["http:", "https:", "blob:"].includes(url?.protocol) ? url.href : null;
}

const ICONS = {
  looks: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM13 13h7v7h-7z",
  videos: "M3 6h13v12H3zM16 10l5-3v10l-5-3",
  tokens: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 8v8M9.5 10.2c0-3 5-3 5 0 0 1.8-5 1.8-5 3.6 0 3 5 3 5 0",
  monitor: "M3 17l5-6 4 4 5-8 4 5",
  developers: "M8 7l-5 5 5 5M16 7l5 5-5 5M13.5 5l-3 14",
  plus: "M12 5v14M5 12h14",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M9 9h.01",
  play: "M8 5l11 7-11 7z",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
  retry: "M4 11a8 8 0 1 1 2 6M4 4v7h7",
  stop: "M6 6h12v12H6z",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  star: "M12 4l2.5 5.2 5.5.8-4 4 1 5.7-5-2.8-5 2.8 1-5.7-4-4 5.5-.8z",
  out: "M10 5H5v14h5M14 8l4 4-4 4M9 12h9",
  alert: "M12 4l9 16H3zM12 10v4M12 17h.01",
  back: "M19 12H5M11 6l-6 6 6 6",
  close: "M6 6l12 12M18 6L6 18",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4l3 2",
};

/** Return an icon. It says nothing by itself: the button beside it has a text. */
export const icon = (name) =>
  svg("svg.icon", { viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));

export function button(text, onclick, { kind = "", iconName, ...attributes } = {}) {
  return el("button", { type: "button", class: `button ${kind}`.trim(), onclick, ...attributes }, iconName && icon(iconName), text);
}

/** Return an image, or what stands for it where there is none or it cannot be loaded. */
export function picture(address, alt = "", attributes = {}) {
  const url = safeUrl(address);
  const blank = () => el("span.blank", { role: alt ? "img" : undefined, "aria-label": alt || undefined }, icon("image"));
  if (url === null) return blank();
  const image = el("img", { src: url, alt, loading: "lazy", decoding: "async", ...attributes });
  image.addEventListener("error", () => image.replaceWith(blank()), { once: true });
  return image;
}
