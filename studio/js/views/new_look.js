// A new look: an image and its products.

import { CREATE_LOOK } from "../documents.js";
import { button, el, fill } from "../dom.js";
import { dropzone } from "../images.js";
import { field, form, heading, select } from "../parts.js";
import { attempt, done } from "../toast.js";

const FIELDS = [
  ["name", "Name", { maxlength: "200" }],
  ["designer", "Designer"],
  ["sku", "SKU"],
  ["price", "Price", { type: "number", min: "0", step: "0.01", inputmode: "decimal" }],
  ["productUrl", "Web address", { type: "url" }],
];

export function view(main) {
  const image = dropzone("The look's image");
  const title = el("input", { id: "look-title", maxlength: "200", autocomplete: "off", placeholder: "Stone Essence" });
  const notes = el("textarea", { id: "look-notes", rows: "3", placeholder: "Linen and wool in warm greys" });
  const visibility = select({ id: "look-visibility" }, [["PRIVATE", "Only you"], ["PUBLIC", "Everybody with an account"]]);
  const rows = el("ul.product-rows");
  const bad = el("p.bad", { role: "alert" });
  const save = el("button.button.primary", { type: "submit" }, "Save the look");
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
    const given = products.filter((product) => product.values().name);
    const files = { "variables.input.generatedImage": image.file() };
    // Each product needs an image: the look's stands for one that has none.
    given.forEach((product, place) => (files[`variables.input.products.${place}.thumbnail`] = product.file() ?? image.file()));
    const input = {
      title: title.value.trim() || null, notes: notes.value.trim() || null, visibility: visibility.value,
      products: given.map((product) => product.values()),
    };
    const { look } = await done("The look is saved.", CREATE_LOOK, input, files);
    location.hash = `#/look/${look.id}`;
  }

  function submit() {
    bad.textContent = "";
    if (!image.file()) return (bad.textContent = "Add the look's image first.");
    const nameless = products.filter((product) => !product.values().name);
    if (nameless.length === products.length) return (bad.textContent = "Name at least one product.");
    if (nameless.some((product) => product.file() || Object.values(product.values()).some(Boolean))) return (bad.textContent = "Name each product.");
    return attempt(save, create);
  }

  add();
  fill(main,
    heading("New look", "An image, and what is worn.", { back: ["#/looks", "Looks"] }),
    form({ class: "columns two", novalidate: true }, submit,
      image.node,
      el("div.stack.panel",
        field("Title", title), field("Notes", notes), field("Who may see it", visibility),
        el("fieldset", el("legend", "Products"), rows, button("Add a product", () => add().focus(), { kind: "quiet small", iconName: "plus" })),
        bad, el("div.row", save, el("a.button.quiet", { href: "#/looks" }, "Cancel")))));
}

function productRow(number, remove) {
  const inputs = FIELDS.map(([key, text, attributes]) =>
    [key, el("input", { "aria-label": `${text} of product ${number}`, placeholder: text, autocomplete: "off", ...attributes })]);
  const thumbnail = dropzone(`Image of product ${number}`, { small: true });
  return {
    node: el("li", thumbnail.node, el("div.inputs", inputs.map(([, input]) => input)),
      button("Remove", remove, { kind: "quiet small", iconName: "close", "aria-label": `Remove product ${number}` })),
    file: thumbnail.file,
    focus: () => inputs[0][1].focus(),
    values() {
      const { price, ...texts } = Object.fromEntries(inputs.map(([key, { value }]) => [key, value.trim() || null]));
      return { ...texts, price: price && Number(price) };
    },
  };
}
