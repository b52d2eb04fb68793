// graphql-transport-ws: one connection, any number of subscriptions, and an end that is noticed.

import { GRAPHQL } from "./api.js";
import { authorization } from "./session.js";

const PING_SECONDS = 15;
const SILENCE_SECONDS = 35;

/** A connection. `handlers`: open(), close(code). It closes itself when nothing is heard for too long. */
export class Socket {
  #socket;
  #handlers;
  #streams = new Map();
  #heard = Date.now();
  #timer;
  #count = 0;

  constructor(handlers) {
    this.#handlers = handlers;
    const url = new URL(GRAPHQL, document.baseURI);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    this.#socket = new WebSocket(url, "graphql-transport-ws");
    this.#socket.onopen = () => this.#send({ type: "connection_init", payload: { Authorization: authorization() } });
    this.#socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    this.#socket.onclose = ({ code }) => this.#end(code);
    this.#timer = setInterval(() => this.#check(), PING_SECONDS * 1000);
  }

  /** Follow a document; return what ends it. `next(data)` is each result, `done()` the end. */
  subscribe(query, variables, next, done = () => {}) {
    const id = String(++this.#count);
    this.#streams.set(id, { next, done });
    this.#send({ id, type: "subscribe", payload: { query, variables } });
    return () => {
      if (this.#streams.delete(id)) this.#send({ id, type: "complete" });
    };
  }

  close() {
    this.#socket.onclose = null;
    this.#socket.close();
    this.#end(1000);
  }

  #send(message) {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #receive(message) {
    this.#heard = Date.now();
    const stream = this.#streams.get(message.id);
    if (message.type === "connection_ack") this.#handlers.open();
    else if (message.type === "ping") this.#send({ type: "pong" });
    else if (message.type === "next" && message.payload.data) stream?.next(message.payload.data);
    else if (message.type === "error" || message.type === "complete") {
      this.#streams.delete(message.id);
      stream?.done();
    }
  }

  #check() {
    if (Date.now() - this.#heard > SILENCE_SECONDS * 1000) this.#socket.close();
    else this.#send({ type: "ping" });
  }

  #end(code) {
    clearInterval(this.#timer);
    this.#streams.clear();
    this.#handlers.close(code);
  }
}
