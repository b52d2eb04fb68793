// A look's page, the videos of which are followed: what the subscription brings is what the page shows.
// Usage: node apollo.mjs BASE_URL TOKEN VIDEO_JOB_ID [LOOK_ID]; prints each state of the job as a line of JSON, and
// with a look on standard error what the page shows, whenever that changes, and what becomes of new videos with an
// image. TOKEN may be the address at which the page gets tokens.

import { ApolloClient, ApolloLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import UploadHttpLink from 'apollo-upload-client/UploadHttpLink.mjs';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { pixel } from './pixel.mjs';
import { RETRY, resuming } from './resuming.mjs';
import { authorized, tokens } from './tokens.mjs';

const [baseUrl, source, id, lookId] = process.argv.slice(2);
const token = tokens(source);
const socket = new GraphQLWsLink(resuming(createClient({
  url: `${baseUrl.replace('http', 'ws')}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: async () => ({ Authorization: `Bearer ${await token()}` }),
  ...RETRY,
})));
// HttpLink, with files as parts of a multipart request.
const http = new UploadHttpLink({ uri: `${baseUrl}/graphql`, fetch: authorized(token) });
const client = new ApolloClient({
  cache: new InMemoryCache(), // no configuration: an id names one object, and error unions are interfaces
  link: ApolloLink.split(({ operationType }) => operationType === 'subscription', socket, http),
});
const PAGE = gql`query ($id: ID!) { look(id: $id) { id videos { id videoJob { id status progressPercentage } } } }`;
const FOLLOW = gql`subscription ($id: ID!, $afterVersion: Int = 0) {
  videoJob(id: $id, afterVersion: $afterVersion) { id version status progressPercentage } }`;
const CREATE = gql`mutation ($input: CreateVideoJobInput!) {
  createVideoJob(input: $input) { videoJob { id status } errors { code message field } } }`;
const VIDEO = { prompt: 'Rain', model: 'veo-3.1-generate-preview', resolution: '720p', aspectRatio: '16:9', mockMode: true };
const ENDS = ['SUCCEEDED', 'FAILED', 'CANCELLED'];

if (lookId) {
  await client.query({ query: PAGE, variables: { id: lookId } });
  client.watchQuery({ query: PAGE, variables: { id: lookId }, fetchPolicy: 'cache-only' }).subscribe(({ data }) => {
    const [video] = data?.look?.videos ?? [];
    if (video) console.error(JSON.stringify({ page: video.videoJob.status }));
  });
}
client.subscribe({ query: FOLLOW, variables: { id } }).subscribe({
  next: async ({ data, error }) => {
    if (error) {
      console.error(error);
      process.exit(1);
    }
    const { __typename, ...job } = data.videoJob;
    console.log(JSON.stringify(job));
    if (!ENDS.includes(job.status)) return;
    // A refusal is data: shown as it comes, without fragments or `possibleTypes`.
    const input = { ...VIDEO, initialImage: pixel };
    const refused = await client.mutate({ mutation: CREATE, variables: { input: { ...input, resolution: '8K' } } });
    console.error(JSON.stringify({ refusal: refused.data.createVideoJob.errors }));
    const created = await client.mutate({ mutation: CREATE, variables: { input } });
    console.error(JSON.stringify({ created: created.data.createVideoJob.videoJob.status }));
    process.exit(0);
  },
});
