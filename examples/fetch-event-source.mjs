// For pages: a job's events through @microsoft/fetch-event-source, which comes back with `Last-Event-ID`.
// Arguments: BASE_URL TOKEN VIDEO_JOB_ID, where TOKEN may be the address of tokens; prints each state as a line of JSON.

import { fetchEventSource } from '@microsoft/fetch-event-source';
import { authorized, tokens } from './tokens.mjs';

const [baseUrl, source, id] = process.argv.slice(2);
const ENDS = ['SUCCEEDED', 'FAILED', 'CANCELLED'];
const controller = new AbortController();

await fetchEventSource(`${baseUrl}/api/v1/video-jobs/${id}/events`, {
  signal: controller.signal,
  fetch: authorized(tokens(source)),
  openWhenHidden: true, // else it closes while the page is in the background
  async onopen({ ok, status }) {
    if (!ok) throw Object.assign(new Error(`HTTP status ${status}`), { final: status >= 400 && status < 500 });
  },
  onmessage({ event, id: eventId, data }) {
    if (event !== 'status' && event !== 'progress') return;
    const { status, progressPercentage } = JSON.parse(data);
    console.log(JSON.stringify({ id, version: parseInt(eventId, 10), status, progressPercentage }));
    if (ENDS.includes(status)) controller.abort();
  },
  // A stream that ends before the job has ended: the server starts again, or the token has ended.
  onclose() { throw new Error('come back'); },
  onerror(error) {
    if (error.final) throw error;
    return 300;
  },
});
process.exit(0);
