// What the deployed frontend does, under Node: a video for a look and a standalone one, polled until they have ended.
// Usage: node legacy_frontend.mjs BASE_URL TOKEN LOOK_ID; prints what it saw as JSON.

const [baseUrl, token, lookId] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const deadline = Date.now() + 30_000;

async function createVideo(prompt, look) {
  const form = new FormData();
  form.append('prompt', prompt);
  form.append('model', 'veo-3.1-generate-preview');
  form.append('resolution', '720p');
  form.append('aspectRatio', '16:9');
  form.append('durationSeconds', 8);
  form.append('generateAudio', false);
  form.append('mockMode', 'true');
  if (look) form.append('lookId', look);
  const response = await fetch(`${baseUrl}/api/v1/video-jobs`, { method: 'POST', headers, body: form });
  return { httpStatus: response.status, job: await response.json() };
}

async function pollToTheEnd({ id, status }) {
  const seen = [status];
  while (Date.now() < deadline) {
    const job = await (await fetch(`${baseUrl}/api/v1/video-jobs/${id}`, { headers })).json();
    if (seen.at(-1) !== job.status) seen.push(job.status);
    if (['SUCCEEDED', 'FAILED', 'CANCELLED'].includes(job.status)) return { seen, job };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${id} has not ended: ${seen}`);
}

const linked = await createVideo('Model wearing the dress', lookId);
const standalone = await createVideo('A sunset scene', null);
const ends = await Promise.all([pollToTheEnd(linked.job), pollToTheEnd(standalone.job)]);
const look = await (await fetch(`${baseUrl}/api/v1/looks/${lookId}`, { headers })).json();
const answer = await fetch(look.videos[0].cloudinaryUrl);
const video = { type: answer.headers.get('content-type'), bytes: (await answer.arrayBuffer()).byteLength };
console.log(JSON.stringify({ linked, standalone, ends, look, video }));
