// The token of whoever is signed in, as it is when a connection or a request begins.

// `source` is a token, or the address at which the page gets a new one: most have that in their own backend.
export const tokens = (source) => async () => (source.startsWith('http') ? (await fetch(source)).text() : source);

// `fetch` with that token, for libraries whose headers cannot wait for one.
export const authorized = (token) => async (url, options) => {
  const headers = { ...options?.headers, Authorization: `Bearer ${await token()}` };
  return fetch(url, { ...options, headers });
};
