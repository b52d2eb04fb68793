// Usage: node graphql-ws.mjs BASE_URL TOKEN VIDEO_JOB_ID; prints each state of the job as a line of JSON.

import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { RETRY, resuming } from './resuming.mjs';

const [baseUrl, token, id] = process.argv.slice(2);
const client = resuming(createClient({
  url: `${baseUrl.replace('http', 'ws')}/graphql`,
  webSocketImpl: WebSocket, // a browser has its own
  // Called for each connection: return the token as it is by then.
  connectionParams: () => ({ Authorization: `Bearer ${token}` }),
  ...RETRY,
}));
const query = `subscription ($id: ID!, $afterVersion: Int! = 0) {
  videoJob(id: $id, afterVersion: $afterVersion) { id version status progressPercentage } }`;

client.subscribe({ query, variables: { id } }, {
  next: ({ data }) => console.log(JSON.stringify(data.videoJob)),
  error: (error) => { console.error(error); process.exit(1); },
  complete: () => process.exit(0),
});
