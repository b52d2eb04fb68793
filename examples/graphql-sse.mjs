// Usage: node graphql-sse.mjs BASE_URL TOKEN VIDEO_JOB_ID; prints each state of the job as a line of JSON.
// TOKEN may be the address at which the page gets tokens.

import { createClient } from 'graphql-sse';
import { RETRY, resuming } from './resuming.mjs';
import { tokens } from './tokens.mjs';

const [baseUrl, source, id] = process.argv.slice(2);
const token = tokens(source);
const { retryAttempts, retryWait } = RETRY;
const client = resuming(createClient({
  url: `${baseUrl}/graphql`,
  // Called for each connection.
  headers: async () => ({ Authorization: `Bearer ${await token()}` }),
  retryAttempts,
  retry: retryWait,
}));
const query = `subscription ($id: ID!, $afterVersion: Int = 0) {
  videoJob(id: $id, afterVersion: $afterVersion) { id version status progressPercentage } }`;

const fail = (error) => { console.error(error); process.exit(1); };

client.subscribe({ query, variables: { id } }, {
  // In the place of data comes what ends it, as where the job is deleted.
  next: ({ data, errors }) => (data ? console.log(JSON.stringify(data.videoJob)) : fail(errors)),
  error: fail,
  complete: () => process.exit(0),
});
