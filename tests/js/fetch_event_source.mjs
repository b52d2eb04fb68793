// A job's events through @microsoft/fetch-event-source, which browsers' pages use where EventSource cannot send a token.
// Usage: node fetch_event_source.mjs URL TOKEN; prints what it was told, and how often it connected, as JSON.

import { fetchEventSource } from '@microsoft/fetch-event-source';

const [url, token] = process.argv.slice(2);
// What it needs of a browser.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };

const ENDS = ['SUCCEEDED', 'FAILED', 'CANCELLED'];
const controller = new AbortController();
const messages = [];
let connections = 0;

await fetchEventSource(url, {
  signal: controller.signal,
  headers: { Authorization: `Bearer ${token}` },
  async onopen(response) {
    connections += 1;
    if (!response.ok) throw new Error(`${response.status}`);
  },
  onmessage({ event, id, data, retry }) {
    messages.push({ event, id, data: data && JSON.parse(data), retry });
    if (event === 'status' && ENDS.includes(messages.at(-1).data.status)) controller.abort();
    else if (messages.length === 2) process.stderr.write('following\n');
  },
  // A server that ends a stream before the job has ended is about to come back.
  onclose() { throw new Error('come again'); },
  onerror() { return 200; },
});
process.stdout.write(JSON.stringify({ connections, messages }));
process.exit(0);
