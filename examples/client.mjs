// The client of this repository: creates a video with an image, and follows it to its end.
// Usage: node client.mjs BASE_URL TOKEN; prints what happens as lines of JSON. TOKEN may be the address at which the
// page gets tokens.

import { Refused, lookreel } from '../clients/js/index.js';
import { pixel } from './pixel.mjs';
import { tokens } from './tokens.mjs';

const [baseUrl, source] = process.argv.slice(2);

// As an application would: the token that it has, and a new one when that is refused.
const fresh = tokens(source);
let current = await fresh();
const studio = lookreel({
  baseUrl,
  token: async (refused) => { if (refused) current = await fresh(); return current; },
  retryMilliseconds: 200,
});
const video = { prompt: 'Rain', model: 'veo-3.1-generate-preview', resolution: '720p', aspectRatio: '16:9', mockMode: true };
const show = (line) => console.log(JSON.stringify(line));

const refusal = await studio.createVideo({ ...video, resolution: '8K' }).catch((error) => error);
if (!(refusal instanceof Refused)) throw refusal;
show({ status: refusal.status, code: refusal.code, field: refusal.field, message: refusal.message });

const job = await studio.createVideo({ ...video, initialImage: pixel });
show({ id: job.id });
const end = await job.follow(({ status, progressPercentage }) => show({ status, progressPercentage }));
show({ end: end.status });
