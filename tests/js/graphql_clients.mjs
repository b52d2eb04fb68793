// Video jobs through the clients that browsers use: graphql-ws, and graphql-sse with a connection for each operation.
// Usage: node graphql_clients.mjs URL TOKEN SHORT_LIVED_TOKEN EXPIRED_TOKEN; prints what each of them saw as JSON.

import { createClient as createEventClient } from 'graphql-sse';
import { createClient as createSocketClient } from 'graphql-ws';
import WebSocket from 'ws';

const [url, token, shortLivedToken, expiredToken] = process.argv.slice(2);

const CREATE = `mutation ($input: CreateVideoJobInput!) {
  createVideoJob(input: $input) { videoJob { id } errors { __typename } } }`;
const FOLLOW = `subscription ($id: ID!, $afterVersion: Int! = 0) {
  videoJob(id: $id, afterVersion: $afterVersion) { version status cloudinaryUrl } }`;
const READ = 'query ($id: ID!) { videoJob(id: $id) { status } }';
const INPUT = {
  prompt: 'The model turns slowly',
  model: 'veo-3.1-generate-preview',
  resolution: '720p',
  aspectRatio: '16:9',
  mockMode: true,
};

const socketClient = (bearer) => createSocketClient({
  url: url.replace('http', 'ws'),
  webSocketImpl: WebSocket,
  connectionParams: { Authorization: `Bearer ${bearer}` },
  retryAttempts: 0,
});
const eventClient = (bearer) => createEventClient({
  url,
  headers: { Authorization: `Bearer ${bearer}` },
  retryAttempts: 0,
});

async function once(client, query, variables) {
  const results = [];
  for await (const result of client.iterate({ query, variables })) results.push(result);
  if (results.length !== 1) throw new Error(`${results.length} results of ${query}`);
  return results[0];
}

// Follow a job to its end, or drop the connection without a word once `leave` says so; return the events.
async function follow(client, variables, leave = () => false) {
  const events = [];
  for await (const { data, errors } of client.iterate({ query: FOLLOW, variables })) {
    if (errors) throw new Error(JSON.stringify(errors));
    events.push(data.videoJob);
    if (leave(events)) {
      (client.terminate ?? client.dispose)();
      break;
    }
  }
  await client.dispose();
  return events;
}

async function scenario(connect) {
  const client = connect(token);
  const created = await once(client, CREATE, { input: INPUT });
  if (created.errors) throw new Error(JSON.stringify(created));
  const { id } = created.data.createVideoJob.videoJob;
  const before = await follow(client, { id }, (events) => events.length === 2);
  const after = await follow(connect(token), { id, afterVersion: before.at(-1).version });
  const whole = await follow(connect(token), { id });
  const read = await once(connect(token), READ, { id });
  return { before, after, whole, read };
}

async function refusal(client) {
  try {
    await once(client, '{ __typename }');
  } catch (error) {
    return error.code ?? error.response?.status ?? String(error);
  }
  return 'let in';
}

async function invalid(client) {
  try {
    return await once(client, '{ nothing }');
  } catch (errors) {
    return { errors };
  }
}

// Follow what does not end by itself; return how the token's end looks.
async function expiry(client) {
  const codes = [];
  try {
    for await (const { errors } of client.iterate({ query: 'subscription { videoJobs { id } }' })) {
      codes.push(...(errors ?? []).map((error) => error.extensions.code));
    }
  } catch (closed) {
    codes.push(closed.code ?? String(closed));
  }
  return codes;
}

const saw = {};
const clients = Object.entries({ ws: socketClient, sse: eventClient });
const expiries = clients.map(([, connect]) => expiry(connect(shortLivedToken)));
for (const [name, connect] of clients) {
  saw[name] = {
    expired: await refusal(connect(expiredToken)),
    ...(await scenario(connect)),
    invalid: await invalid(connect(token)),
    refusal: await refusal(connect('rubbish')),
  };
}
for (const [index, [name]] of clients.entries()) saw[name].expiry = await expiries[index];
console.log(JSON.stringify(saw));
process.exit(0);
