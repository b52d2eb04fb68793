// Without any library: a job's events by fetch, since EventSource cannot send a token.
// Usage: node fetch.mjs BASE_URL TOKEN VIDEO_JOB_ID; prints each state of the job as a line of JSON.
// TOKEN may be the address at which the page gets tokens.

import { tokens } from './tokens.mjs';

const [baseUrl, source, id] = process.argv.slice(2);
const token = tokens(source);
const ENDS = ['SUCCEEDED', 'FAILED', 'CANCELLED'];
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function* events(response) {
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n').filter((line) => !line.startsWith(':'));
      text = text.slice(end + 2);
      if (lines.length) yield Object.fromEntries(lines.map((line) => line.split(/: ?(.*)/s)));
    }
  }
}

let lastEventId;
for (;;) {
  try {
    const headers = { Authorization: `Bearer ${await token()}`, ...(lastEventId && { 'Last-Event-ID': lastEventId }) };
    const response = await fetch(`${baseUrl}/api/v1/video-jobs/${id}/events`, { headers });
    if (response.status === 204) break; // it has ended, and all of it was told
    if (response.status >= 400 && response.status < 500) throw Object.assign(new Error(response.status), { final: true });
    for await (const { event, data, id: eventId } of response.ok ? events(response) : []) {
      lastEventId = eventId ?? lastEventId;
      if (event !== 'status' && event !== 'progress') continue;
      const { status, progressPercentage } = JSON.parse(data);
      console.log(JSON.stringify({ id, version: parseInt(lastEventId, 10), status, progressPercentage }));
      if (ENDS.includes(status)) process.exit(0);
    }
  } catch (error) {
    if (error.final) throw error;
  }
  await pause(300); // the server restarts, the token has ended, or the network has gone
}
