// graphql-transport-ws: one connection, any number of subscriptions, and an end that is noticed.

import { GRAPHQL } from "./api.js";
import { authorization } from "./session.js";

const PING_MS = 15_000;
const SILENCE_MS = 35_000;

/** Return a connection, which ends itself when nothing is heard for too long; its beginning and end are told once. */
export function connection(opened, closed) {
  const url = new URL(GRAPHQL, document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url, "graphql-transport-ws");
  const streams = new Map();
  const timer = setInterval(() => (Date.now() - heard > SILENCE_MS ? end() : send({ type: "ping" })), PING_MS);
  let heard = Date.now();
  let count = 0;

  function send(message) {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function end({ code } = {}) {
    clearInterval(timer);
    streams.clear();
    socket.onclose = null;
    socket.close();
    closed(code);
  }

  socket.onopen = () => send({ type: "connection_init", payload: { Authorization: authorization() } });
  socket.onclose = end;
  socket.onmessage = ({ data }) => {
    heard = Date.now();
    const { id, type, payload } = JSON.parse(data);
    const stream = streams.get(id);
    if (type === "connection_ack") opened();
    if (type === "ping") send({ type: "pong" });
    if (type === "next" && payload.data) stream?.next(Object.values(payload.data)[0]);
    if (type === "error" || type === "complete") {
      streams.delete(id);
      stream?.done?.();
    }
  };
  return {
    end,
    /** Follow a document; return what ends it. `next` hears what its field holds each time, `done()` the end. */
    subscribe({ query, variables, next, done }) {
      const id = String(++count);
      streams.set(id, { next, done });
      send({ id, type: "subscribe", payload: { query, variables: variables() } });
      return () => streams.delete(id) && send({ id, type: "complete" });
    },
  };
}
