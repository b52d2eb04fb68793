// A new look: an image and its products.

import { change } from "../api.js";
import { CREATE_LOOK } from "../documents.js";
import { button, el, fill, icon } from "../dom.js";
import { dropzone } from "../dropzone.js";
import { attempt, toast } from "../toast.js";

export function newLook(main) {
  const image = dropzone("The look's image");
  const title = el("input", { id: "look-title", maxlength: "200", autocomplete: "off", placeholder: "Stone Essence" });
  const notes = el("textarea", { id: "look-notes", rows: "3", placeholder: "Linen and wool in warm greys" });
  const visibility = el("select", { id: "look-visibility" }, [["PRIVATE", "Only you"], ["PUBLIC", "Everybody with an account"]].map(([value, text]) => el("option", { value }, text)));
  const rows = el("ul", { class: "product-rows" });
  const bad = el("p", { class: "bad", role: "alert" });
  const save = el("button", { class: "button primary", type: "submit" }, "Save the look");
  const products = [];

  function add() {
    const product = productRow(products.length + 1, () => {
      products.splice(products.indexOf(product), 1);
      product.node.remove();
      if (!products.length) add();
    });
    products.push(product);
    rows.append(product.node);
    return product;
  }

  async function create() {
    const given = products.filter((product) => product.name());
    const files = { "variables.input.generatedImage": image.file() };
    // Each product needs an image: the look's stands for one that has none.
    given.forEach((product, place) => (files[`variables.input.products.${place}.thumbnail`] = product.file() ?? image.file()));
    const input = {
      title: title.value.trim() || null, notes: notes.value.trim() || null, visibility: visibility.value,
      generatedImage: null, products: given.map((product) => product.input()),
    };
    const { look } = await change(CREATE_LOOK, input, files);
    toast("The look is saved.", { call: "CreateLook" });
    location.hash = `#/look/${look.id}`;
  }

  async function submit(event) {
    event.preventDefault();
    bad.textContent = "";
    if (!image.file()) return (bad.textContent = "Add the look's image first.");
    if (!products.some((product) => product.name())) return (bad.textContent = "Name at least one product.");
    return attempt(save, () => create().catch((error) => {
      bad.textContent = error.message;
      throw error;
    }), "CreateLook");
  }

  add();
  fill(main,
    el("header", { class: "title" }, el("div", {}, el("a", { class: "back", href: "#/looks" }, icon("back"), "Looks"), el("h1", {}, "New look"),
      el("p", { class: "muted" }, "An image, and what is worn."))),
    el("form", { class: "columns two", onsubmit: submit, novalidate: true },
      el("div", { class: "about" }, image.node),
      el("div", { class: "stack panel" },
        el("div", { class: "field" }, el("label", { for: "look-title" }, "Title"), title),
        el("div", { class: "field" }, el("label", { for: "look-notes" }, "Notes"), notes),
        el("div", { class: "field" }, el("label", { for: "look-visibility" }, "Who may see it"), visibility),
        el("fieldset", {}, el("legend", {}, "Products"), rows, button("Add a product", () => add().focus(), { kind: "quiet small", iconName: "plus" })),
        bad, el("div", { class: "row" }, save, el("a", { class: "button quiet", href: "#/looks" }, "Cancel")))));
}

const field = (name, number, attributes = {}) => el("input", { "aria-label": `${name} of product ${number}`, placeholder: name, autocomplete: "off", ...attributes });

function productRow(number, remove) {
  const name = field("Name", number, { maxlength: "200" });
  const designer = field("Designer", number);
  const sku = field("SKU", number);
  const price = field("Price", number, { type: "number", min: "0", step: "0.01", inputmode: "decimal" });
  const address = field("Web address", number, { type: "url" });
  const thumbnail = dropzone(`Image of product ${number}`, { small: true });
  const text = (input) => input.value.trim() || null;
  return {
    node: el("li", {}, thumbnail.node, el("div", { class: "inputs" }, name, designer, sku, price, address),
      button("Remove", remove, { kind: "quiet small", iconName: "close", "aria-label": `Remove product ${number}` })),
    name: () => text(name),
    file: thumbnail.file,
    focus: () => name.focus(),
    input: () => ({
      name: text(name), designer: text(designer), sku: text(sku), price: price.value === "" ? null : Number(price.value),
      productUrl: text(address), thumbnail: null,
    }),
  };
}
