// Usage: node urql.mjs BASE_URL TOKEN VIDEO_JOB_ID; prints each state of the job as a line of JSON.
// TOKEN may be the address at which the page gets tokens.

import { Client, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { RETRY, resuming } from './resuming.mjs';
import { authorized, tokens } from './tokens.mjs';

const [baseUrl, source, id] = process.argv.slice(2);
const token = tokens(source);
const socket = resuming(createClient({
  url: `${baseUrl.replace('http', 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ Authorization: `Bearer ${await token()}` }),
  ...RETRY,
}));
const client = new Client({
  url: `${baseUrl}/graphql`,
  preferGetMethod: false,
  fetch: authorized(token),
  exchanges: [cacheExchange, fetchExchange, subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
    }),
  })],
});
const FOLLOW = `subscription ($id: ID!, $afterVersion: Int = 0) {
  videoJob(id: $id, afterVersion: $afterVersion) { id version status progressPercentage } }`;
const ENDS = ['SUCCEEDED', 'FAILED', 'CANCELLED'];

const { unsubscribe } = client.subscription(FOLLOW, { id }).subscribe(({ data, error }) => {
  if (error) {
    console.error(error);
    process.exit(1);
  }
  const { __typename, ...job } = data.videoJob;
  console.log(JSON.stringify(job));
  if (!ENDS.includes(job.status)) return;
  unsubscribe(); // else the last state comes again
  process.exit(0);
});
