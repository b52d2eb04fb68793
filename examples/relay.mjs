// A look's page with Relay, the videos of which are followed: what the subscription brings is what the page shows.
// Before: curl -O BASE_URL/graphql/schema.graphql && npx relay-compiler
// Arguments: BASE_URL TOKEN VIDEO_JOB_ID LOOK_ID, where TOKEN may be the address of tokens; prints each state of the job
// as a line of JSON, and on standard error what the page shows, whenever that changes.

import { createClient } from 'graphql-ws';
import {
  Environment, Network, Observable, RecordSource, Store, createOperationDescriptor, fetchQuery, requestSubscription,
} from 'relay-runtime';
import WebSocket from 'ws';
import FOLLOW from './__generated__/relayDocumentsFollowSubscription.graphql.js';
import PAGE from './__generated__/relayDocumentsPageQuery.graphql.js';
import { RETRY, resuming } from './resuming.mjs';
import { authorized, tokens } from './tokens.mjs';

const [baseUrl, source, id, lookId] = process.argv.slice(2);
const token = tokens(source);
const socket = resuming(createClient({
  url: `${baseUrl.replace('http', 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ Authorization: `Bearer ${await token()}` }),
  ...RETRY,
}));

async function request({ text: query }, variables) {
  const headers = { 'Content-Type': 'application/json' };
  const body = JSON.stringify({ query, variables });
  return (await authorized(token)(`${baseUrl}/graphql`, { method: 'POST', headers, body })).json();
}

const follow = ({ text: query }, variables) => Observable.create((sink) => socket.subscribe({ query, variables }, sink));
const environment = new Environment({
  network: Network.create(request, follow),
  store: new Store(new RecordSource()),
});
const ENDS = ['SUCCEEDED', 'FAILED', 'CANCELLED'];

const page = createOperationDescriptor(PAGE, { id: lookId });
environment.retain(page);
await fetchQuery(environment, PAGE, { id: lookId }).toPromise();
environment.subscribe(environment.lookup(page.fragment), ({ data }) => {
  console.error(JSON.stringify({ page: data.look.videos[0].videoJob.status }));
});
requestSubscription(environment, {
  subscription: FOLLOW,
  variables: { id },
  onNext({ videoJob }) {
    console.log(JSON.stringify(videoJob));
    if (ENDS.includes(videoJob.status)) process.exit(0);
  },
  onError(error) {
    console.error(error);
    process.exit(1);
  },
});
