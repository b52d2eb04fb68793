// Usage: node graphql-sse.mjs BASE_URL TOKEN VIDEO_JOB_ID; prints each state of the job as a line of JSON.

import { createClient } from 'graphql-sse';
import { RETRY, resuming } from './resuming.mjs';

const [baseUrl, token, id] = process.argv.slice(2);
const { retryAttempts, retryWait } = RETRY;
const client = resuming(createClient({
  url: `${baseUrl}/graphql`,
  // Called for each connection: return the token as it is by then.
  headers: () => ({ Authorization: `Bearer ${token}` }),
  retryAttempts,
  retry: retryWait,
}));
const query = `subscription ($id: ID!, $afterVersion: Int! = 0) {
  videoJob(id: $id, afterVersion: $afterVersion) { id version status progressPercentage } }`;

client.subscribe({ query, variables: { id } }, {
  next: ({ data }) => console.log(JSON.stringify(data.videoJob)),
  error: (error) => { console.error(error); process.exit(1); },
  complete: () => process.exit(0),
});
