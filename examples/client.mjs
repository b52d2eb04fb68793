// The client of this repository: creates a video with an image, and follows it to its end.
// Usage: node client.mjs BASE_URL TOKEN EXPIRED_TOKEN CLIENT_PATH; prints what happens as lines of JSON.

const [baseUrl, token, expired, path] = process.argv.slice(2);
const { lookreel, Refused } = await import(path ?? '../clients/js/index.js');

// As an application would: the token that it has, and a new one when that is refused.
let current = expired;
const studio = lookreel({
  baseUrl,
  token: (refused) => { if (refused) current = token; return current; },
  retryMilliseconds: 200,
});
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=';
const video = { prompt: 'Rain', model: 'veo-3.1-generate-preview', resolution: '720p', aspectRatio: '16:9', mockMode: true };
const show = (line) => console.log(JSON.stringify(line));

const refusal = await studio.createVideo({ ...video, resolution: '8K' }).catch((error) => error);
if (!(refusal instanceof Refused)) throw refusal;
show({ status: refusal.status, code: refusal.code, field: refusal.field, message: refusal.message });

const initialImage = new File([Buffer.from(pixel, 'base64')], 'pixel.png', { type: 'image/png' });
const job = await studio.createVideo({ ...video, initialImage });
show({ id: job.id });
current = expired; // a token ends while the job goes on
const end = await job.follow(({ status, progressPercentage }) => show({ status, progressPercentage }));
show({ end: end.status });
