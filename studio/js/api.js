// The wire: GraphQL over HTTP, with files as a multipart form. Each call is remembered, to be shown.

import { mapOf, recorded } from "./calls.js";
import { authorization, signOut } from "./session.js";

export const GRAPHQL = "graphql";
const SECONDS = 30;
const REFUSED = new Set([401, 403]);

/** What went wrong with a document, with a stable `code` and a sentence. */
export class Refused extends Error {
  constructor([first], document_) {
    super(first.message);
    this.code = first.code ?? first.extensions?.code ?? "UNKNOWN";
    this.document = document_;
  }
}

let ahead = 0;

/** The time on the server, by its last answer: this machine's clock may be wrong. */
export const serverNow = () => new Date(Date.now() + ahead);

/** Run a document; return its data. Files are put where their paths say: `variables.input.initialImage`. */
export async function run(document_, given = {}, { files = {}, signal } = {}) {
  const variables = withPlaces(given, Object.keys(files));
  const call = recorded(document_, variables, files);
  const response = await send(document_, variables, files, signal);
  const body = await answer(response);
  call.status = response.status;
  if (body.errors) {
    const refused = new Refused(body.errors, document_);
    if (REFUSED.has(response.status)) signOut(refused.message);
    throw refused;
  }
  return body.data;
}

/** Run a document of one field; return what it holds. */
export async function read(document_, variables, signal, files) {
  return Object.values(await run(document_, variables, { signal, files }))[0];
}

/** Run a mutation; return its payload, or throw its refusals. */
export async function change(document_, input, files) {
  const payload = await read(document_, { input }, undefined, files);
  if (payload.errors.length) throw new Refused(payload.errors, document_);
  return payload;
}

/** Return the variables with null where a file will be. */
function withPlaces(variables, paths) {
  const whole = { variables: structuredClone(variables) };
  for (const path of paths) {
    const names = path.split(".");
    const last = names.pop();
    names.reduce((place, name, depth) => (place[name] ??= isNaN(names[depth + 1] ?? last) ? {} : []), whole)[last] = null;
  }
  return whole.variables;
}

async function send(document_, variables, files, signal) {
  const headers = { Accept: "application/graphql-response+json, application/json" };
  if (authorization()) headers.Authorization = authorization();
  const limit = AbortSignal.timeout(SECONDS * 1000 * (Object.keys(files).length ? 10 : 1));
  const options = { method: "POST", headers, signal: signal ? AbortSignal.any([signal, limit]) : limit };
  try {
    return await fetch(GRAPHQL, { ...options, ...body(document_, variables, files, headers) });
  } catch (error) {
    if (signal?.aborted) throw error;
    const why = navigator.onLine ? "The server cannot be reached" : "You are offline";
    throw new Refused([{ code: "UNREACHABLE", message: `${why}. What is shown may be old.` }], document_);
  }
}

function body(query, variables, files, headers) {
  const operation = JSON.stringify({ query, variables });
  if (!Object.keys(files).length) {
    headers["Content-Type"] = "application/json";
    return { body: operation };
  }
  const form = new FormData();
  form.append("operations", operation);
  form.append("map", mapOf(Object.keys(files)));
  Object.values(files).forEach((file, place) => form.append(String(place), file));
  return { body: form };
}

async function answer(response) {
  const date = Date.parse(response.headers.get("Date") ?? "");
  if (date) ahead = date - Date.now();
  const parsed = await response.json().catch(() => ({}));
  if (parsed.data || parsed.errors) return parsed;
  return { errors: [{ code: parsed.code, message: parsed.detail ?? parsed.message ?? `The server answered ${response.status}.` }] };
}

const keys = new Map();

/** Do it with a key that stays until it is done: where its answer was lost, doing it again does it once. */
export async function once(intention, act) {
  if (!keys.has(intention)) keys.set(intention, newKey());
  await act(keys.get(intention));
  keys.delete(intention);
}

export const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
