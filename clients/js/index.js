// Makes videos and follows them; the types are in index.d.ts.

const ENDS = ['SUCCEEDED', 'FAILED', 'CANCELLED'];
const PASSING = [408, 425, 500, 502, 503, 504];
// What is refused with such a status and does not pass within seconds: a person is to know.
const LASTING = [
  'PAUSED', 'QUEUE_FULL', 'NO_WORKER', 'GENERATION_UNAVAILABLE', 'GENERATION_SUSPENDED', 'LOOK_VIDEOS_NOT_MIGRATED',
  'INTERNAL_ERROR',
];
const JOBS = '/api/v1/video-jobs';

export class Refused extends Error {
  constructor(status, body) {
    const { detail, code, field, requestId } = body ?? {};
    super(detail?.message ?? (typeof detail === 'string' ? detail : detail?.[0]?.msg) ?? `HTTP status ${status}`);
    Object.assign(this, { name: 'Refused', status, code, field, requestId });
  }
}

export function lookreel({ baseUrl, token, retryMilliseconds = 500, silenceMilliseconds = 45_000 }) {
  const pause = (signal) => new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, retryMilliseconds);
    signal?.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); }, { once: true });
  });

  // One request; a token that is refused is asked for anew, once.
  async function once(path, options) {
    for (const refused of [false, true]) {
      const headers = { ...options.headers, Authorization: `Bearer ${await token(refused)}` };
      const response = await fetch(`${baseUrl}${path}`, { ...options, headers });
      if (response.status !== 401 || refused) return response;
      await response.body?.cancel();
    }
  }

  // The same until the server answers: it may be about to start again, or the network has gone.
  async function request(path, options = {}) {
    for (;;) {
      let response;
      try {
        response = await once(path, options);
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // fetch's own, for a connection
      }
      if (response?.ok) return response;
      const body = await response?.json().catch(() => null);
      if (response && (!PASSING.includes(response.status) || LASTING.includes(body?.code))) {
        throw new Refused(response.status, body);
      }
      await pause(options.signal);
    }
  }

  // Ends with the connection, however that ends; what a callback throws is not taken for its loss.
  async function* events(response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    // The server says something each 15 s at least: a connection that is silent has been lost without a word.
    const read = () => new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve({ done: true }), silenceMilliseconds);
      const lost = (error) => (error instanceof TypeError ? resolve({ done: true }) : reject(error));
      reader.read().then(resolve, lost).finally(() => clearTimeout(timer));
    });
    let text = '';
    try {
      for (let part = await read(); !part.done; part = await read()) {
        text += part.value;
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          const lines = text.slice(0, end).split('\n').filter((line) => line && !line.startsWith(':'));
          text = text.slice(end + 2);
          if (lines.length) yield Object.fromEntries(lines.map((line) => line.split(/: ?(.*)/s)));
        }
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }

  async function follow(path, signal, onState, onLog) {
    let last;
    for (;;) {
      const response = await request(`${path}/events`, { signal, headers: last ? { 'Last-Event-ID': last } : {} });
      if (response.status === 204) return (await request(path, { signal })).json(); // all of it has been told
      for await (const { event, data, id } of events(response)) {
        const told = JSON.parse(data);
        if (event === 'log') onLog(told);
        else if (event === 'status' || event === 'progress') onState(told);
        last = id ?? last;
        if (ENDS.includes(told.status)) return told;
      }
      await pause(signal);
    }
  }

  function video(id) {
    const path = `${JOBS}/${id}`;
    const controller = new AbortController();
    return {
      id,
      follow: (onState = () => {}, onLog = () => {}) => follow(path, controller.signal, onState, onLog),
      read: async () => (await request(path)).json(),
      cancel: async () => (await request(`${path}/cancel`, { method: 'POST' })).json(),
      delete: async () => { await request(path, { method: 'DELETE' }); },
      stop: () => controller.abort(),
    };
  }

  async function createVideo({ idempotencyKey = crypto.randomUUID(), ...fields }) {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) {
      for (const each of Array.isArray(value) ? value : [value]) {
        if (each !== undefined && each !== null) body.append(name, each);
      }
    }
    // With a key it is safe to send the same again, so that a lost answer costs nothing.
    const headers = { 'Idempotency-Key': idempotencyKey };
    return video((await (await request(JOBS, { method: 'POST', headers, body })).json()).id);
  }

  return { createVideo, video };
}
