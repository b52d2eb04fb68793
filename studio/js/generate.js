// The form for a new video: every field of the API, its price before the click, and why what cannot be is greyed out.

import { Refused, change, newKey, run } from "./api.js";
import { callButton } from "./calls.js";
import { choices } from "./choices.js";
import { CREATE_JOB, MODELS, QUOTE } from "./documents.js";
import { el, fill, icon } from "./dom.js";
import { counted, tokens } from "./format.js";
import { lookImage, lookReferences, ownImages } from "./generate_images.js";
import { images, impossible } from "./possible.js";
import { balanceChanged, session } from "./session.js";
import * as store from "./store.js";
import { attempt, toast } from "./toast.js";

const QUOTE_MS = 200;
const STARTERS = ["The model turns slowly in soft daylight", "She walks towards the camera, fabric moving", "A slow close-up along the fabric and seams"];

/** Return the form. `look` may be null; `created(job)` is called with the new job. */
export async function generateForm({ look = null, created, signal }) {
  const { videoModels } = await run(MODELS, {}, { signal });
  const choice = {
    prompt: "", model: videoModels[0].id, resolution: "720p", aspectRatio: "9:16", durationSeconds: 8, generateAudio: false,
    mockMode: !videoModels.some((model) => model.available), lookImage: look ? "initial" : "none", productIds: [],
    hasInitial: false, hasEnd: false, ownReferences: 0,
  };
  let key = newKey();
  let quoted = null;

  const prompt = el("textarea", { id: "prompt", rows: "3", maxlength: "4000", placeholder: STARTERS[0], "aria-describedby": "prompt-help", oninput: () => update({ prompt: prompt.value }) });
  const model = el("select", { id: "model", onchange: () => update({ model: model.value }) },
    videoModels.map(({ id, provider }) => el("option", { value: id }, `${id} · ${provider}`)));
  const radios = [
    choices("Mode", "mode", [["sample", "Sample"], ["real", "Real"]], (value) => update({ mockMode: value === "sample" }), () => (choice.mockMode ? "sample" : "real")),
    choices("Resolution", "resolution", [["720p", "720p"], ["1080p", "1080p"]], (value) => update({ resolution: value }), () => choice.resolution),
    choices("Shape", "aspectRatio", [["9:16", "9:16"], ["16:9", "16:9"]], (value) => update({ aspectRatio: value }), () => choice.aspectRatio),
    choices("Length", "durationSeconds", [[4, "4 s"], [8, "8 s"]], (value) => update({ durationSeconds: Number(value) }), () => choice.durationSeconds),
    choices("Sound", "generateAudio", [["no", "Silent"], ["yes", "Sound"]], (value) => update({ generateAudio: value === "yes" }), () => (choice.generateAudio ? "yes" : "no")),
  ];
  const [first, lookRefs, own] = [lookImage(look, choice, update), lookReferences(look, choice, update), ownImages(update)];
  const reasons = el("ul", { class: "reasons small", "aria-live": "polite" });
  const price = el("div", { class: "price", "aria-live": "polite" });
  const bad = el("p", { class: "bad", role: "alert" });
  const submit = el("button", { class: "button primary wide", type: "submit" }, icon("play"), "Generate");

  const form = el("form", { class: "generate stack", onsubmit: send },
    el("div", { class: "field" }, el("label", { for: "prompt" }, "What should happen?"), prompt,
      el("div", { id: "prompt-help", class: "starters" }, STARTERS.map((text) =>
        el("button", { type: "button", class: "starter", onclick: () => { prompt.value = text; update({ prompt: text }); } }, text)))),
    first.node, lookRefs.node,
    el("div", { class: "radios" }, radios.map((each) => each.node)),
    el("div", { class: "field" }, el("label", { for: "model" }, "Model"), model),
    own.node, reasons, price, bad, submit, el("div", { class: "row center" }, callButton("CreateVideoJob", "Show the call")));

  function update(changed) {
    Object.assign(choice, changed);
    key = newKey();
    bad.textContent = "";
    const known = impossible(videoModels.find((each) => each.id === choice.model), choice);
    for (const each of [...radios, first, lookRefs, own]) each.draw(known);
    fill(reasons, [...new Set(Object.values(known))].map((reason) => el("li", {}, reason)));
    askPrice();
  }

  function input() {
    const { first: startsWith } = images(choice);
    return {
      prompt: choice.prompt.trim() || null, model: choice.model, resolution: choice.resolution, aspectRatio: choice.aspectRatio,
      durationSeconds: choice.durationSeconds, generateAudio: choice.generateAudio, mockMode: choice.mockMode,
      lookId: look?.id ?? null, useLookImage: look && startsWith && choice.hasInitial ? "none" : choice.lookImage, productIds: choice.productIds,
    };
  }

  let asking = null;
  let waiting = null;
  function askPrice() {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      asking?.abort();
      asking = new AbortController();
      try {
        const { videoJobQuote } = await run(QUOTE, { input: input() }, { signal: AbortSignal.any([asking.signal, signal]) });
        quoted = videoJobQuote;
        drawPrice();
      } catch (error) {
        if (error instanceof Refused) fill(price, el("p", { class: "bad" }, error.message));
      }
    }, QUOTE_MS);
  }

  function drawPrice() {
    const { cost, balance, freeSlots } = quoted;
    // The server is not shown the files before the click.
    const problems = quoted.errors.filter(({ field, message }) => message !== bad.textContent && !(field === "prompt" && (choice.hasInitial || !choice.prompt.trim())));
    fill(price,
      el("dl", {}, fact("Price", tokens(cost)), fact("You have", session.viewer.tokens.isUnlimited ? "unlimited" : tokens(balance)), fact("Free slots", counted(freeSlots, "slot"))),
      problems.map((error) => el("p", { class: "bad small", "data-code": error.code }, error.message)));
  }

  async function send(event) {
    event.preventDefault();
    await attempt(submit, create, "CreateVideoJob");
  }

  async function create() {
    const files = own.files();
    const wanted = { ...input(), ...emptyPlaces(files), idempotencyKey: key, expectedCost: quoted?.cost ?? null };
    try {
      const { videoJob } = await change(CREATE_JOB, wanted, files);
      key = newKey();
      store.put(videoJob);
      balanceChanged();
      toast("Your video is in the queue.", { call: "CreateVideoJob" });
      created(videoJob);
      askPrice();
    } catch (error) {
      bad.textContent = error.message;
      bad.dataset.code = error.code;
      askPrice();
    }
  }

  store.onJobs(({ ended }) => ended && askPrice(), signal);
  update({});
  return form;
}

const fact = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));

/** Each file's variable is null in the operation (graphql-multipart-request). */
function emptyPlaces(files) {
  const paths = Object.keys(files);
  const references = paths.filter((path) => path.includes("referenceImages"));
  const single = paths.filter((path) => !path.includes("referenceImages")).map((path) => [path.split(".").pop(), null]);
  return { ...Object.fromEntries(single), ...(references.length ? { referenceImages: references.map(() => null) } : {}) };
}
