// The form for a new video: every field of the API, its price before the click, and why what cannot be is greyed out.

import { Refused, newKey, read } from "./api.js";
import { callButton } from "./calls.js";
import { CREATE_JOB, MODELS, QUOTE } from "./documents.js";
import { button, el, fill, icon } from "./dom.js";
import { counted, tokens } from "./format.js";
import { lookImage, lookReferences, ownImages } from "./images.js";
import { choices, facts, field, form, select, successive } from "./parts.js";
import { impossible } from "./possible.js";
import { on, session } from "./session.js";
import * as store from "./store.js";
import { attempt, done } from "./toast.js";

const QUOTE_MS = 200;
const CHOICES = [
  ["Mode", "mockMode", [["Sample", true], ["Real", false]]],
  ["Resolution", "resolution", [["720p", "720p"], ["1080p", "1080p"]]],
  ["Shape", "aspectRatio", [["9:16", "9:16"], ["16:9", "16:9"]]],
  ["Length", "durationSeconds", [["4 s", 4], ["8 s", 8]]],
  ["Sound", "generateAudio", [["Silent", false], ["Sound", true]]],
];
const STARTERS = ["The model turns slowly in soft daylight", "She walks towards the camera, fabric moving", "A slow close-up along the fabric and seams"];

/** Return the form. `look` may be null; `created(job)` is called with the new job. */
export async function generateForm({ look = null, created = () => {}, signal }) {
  const videoModels = await read(MODELS, {}, signal);
  const choice = {
    prompt: "", model: videoModels[0].id, resolution: "720p", aspectRatio: "9:16", durationSeconds: 8, generateAudio: false,
    mockMode: !videoModels.some((model) => model.available), lookImage: look ? "initial" : "none", productIds: [],
    hasInitial: false, hasEnd: false, ownReferences: 0,
  };
  let key = newKey();
  let quoted = null;

  const prompt = el("textarea", { id: "prompt", rows: "3", maxlength: "4000", placeholder: STARTERS[0], oninput: () => update({ prompt: prompt.value }) });
  const model = select({ id: "model", onchange: () => update({ model: model.value }) },
    videoModels.map(({ id, provider }) => [id, `${id} · ${provider}`]));
  const radios = CHOICES.map(([legend, name, options]) => choices(legend, name, options, choice, update));
  const [first, lookRefs, own] = [lookImage(look, choice, update), lookReferences(look, choice, update), ownImages(update)];
  const reasons = el("ul.reasons.small", { "aria-live": "polite" });
  const price = el("div.price", { "aria-live": "polite" });
  const bad = el("p.bad", { role: "alert" });
  const submit = el("button.button.primary.wide", { type: "submit" }, icon("play"), "Generate");

  const node = form({ class: "generate stack" }, () => attempt(submit, create),
    field("What should happen?", prompt,
      el("div.starters", STARTERS.map((text) => button(text, () => update({ prompt: (prompt.value = text) }), { kind: "small" })))),
    first?.node, lookRefs?.node,
    el("div.radios", radios.map((each) => each.node)),
    field("Model", model),
    own.node, reasons, price, bad, submit, el("div.row.center", callButton(CREATE_JOB)));

  function update(changed) {
    Object.assign(choice, changed);
    key = newKey();
    bad.textContent = "";
    const known = impossible(videoModels.find((each) => each.id === choice.model), choice);
    for (const each of [...radios, first, lookRefs, own]) each?.draw(known);
    fill(reasons, [...new Set(Object.values(known))].map((reason) => el("li", reason)));
    askPrice();
  }

  function input() {
    const { hasInitial, hasEnd, ownReferences, lookImage: useLookImage, ...asked } = choice;
    const hides = look && hasInitial && useLookImage === "initial";
    return { ...asked, prompt: choice.prompt.trim() || null, lookId: look?.id ?? null, useLookImage: hides ? "none" : useLookImage };
  }

  const asking = successive(signal);
  let waiting = null;
  function askPrice() {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      try {
        quoted = await read(QUOTE, { input: input() }, asking());
        drawPrice();
      } catch (error) {
        if (error instanceof Refused) fill(price, el("p.bad", error.message));
      }
    }, QUOTE_MS);
  }

  function drawPrice() {
    const { cost, balance, freeSlots } = quoted;
    // The server is not shown the files before the click.
    const problems = quoted.errors.filter(({ field, message }) => message !== bad.textContent && !(field === "prompt" && (choice.hasInitial || !choice.prompt.trim())));
    fill(price,
      facts("", [["Price", tokens(cost)], ["You have", session.viewer.tokens.isUnlimited ? "unlimited" : tokens(balance)], ["Free slots", counted(freeSlots, "slot")]]),
      problems.map((error) => el("p.bad.small", { "data-code": error.code }, error.message)));
  }

  async function create() {
    const files = own.files();
    const wanted = { ...input(), idempotencyKey: key, expectedCost: quoted?.cost ?? null };
    try {
      const { videoJob } = await done("Your video is in the queue.", CREATE_JOB, wanted, files);
      key = newKey();
      store.put(videoJob);
      on.balanceChanged();
      created(videoJob);
    } catch (error) {
      bad.textContent = error.message;
      bad.dataset.code = error.code;
    }
    askPrice();
  }

  store.onJobs(({ ended }) => ended && askPrice(), signal);
  update({});
  return node;
}
