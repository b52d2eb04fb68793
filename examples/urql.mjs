// Usage: node urql.mjs BASE_URL TOKEN VIDEO_JOB_ID; prints each state of the job as a line of JSON.

import { Client, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { RETRY, resuming } from './resuming.mjs';

const [baseUrl, token, id] = process.argv.slice(2);
const socket = resuming(createClient({
  url: `${baseUrl.replace('http', 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: () => ({ Authorization: `Bearer ${token}` }),
  ...RETRY,
}));
const client = new Client({
  url: `${baseUrl}/graphql`,
  preferGetMethod: false,
  fetchOptions: () => ({ headers: { Authorization: `Bearer ${token}` } }),
  exchanges: [cacheExchange, fetchExchange, subscriptionExchange({
    forwardSubscription: ({ query, variables }) => ({
      subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
    }),
  })],
});
const FOLLOW = `subscription ($id: ID!, $afterVersion: Int! = 0) {
  videoJob(id: $id, afterVersion: $afterVersion) { id version status progressPercentage } }`;
const ENDS = ['SUCCEEDED', 'FAILED', 'CANCELLED'];

client.subscription(FOLLOW, { id }).subscribe(({ data, error }) => {
  if (error) {
    console.error(error);
    process.exit(1);
  }
  const { __typename, ...job } = data.videoJob;
  console.log(JSON.stringify(job));
  if (ENDS.includes(job.status)) process.exit(0);
});
