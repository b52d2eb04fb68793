// The token of whoever is signed in, as it is when a connection or a request begins.

// `source` is a token, or the address at which the page gets a new one: most have that in their own backend. While that
// cannot be reached it is asked again: for graphql-sse and graphql-ws, a function that fails is the end.
export const tokens = (source) => async () => {
  if (!source.startsWith('http')) return source;
  for (;;) {
    const response = await fetch(source).catch(() => null);
    if (response?.ok) return response.text();
    if ([401, 403].includes(response?.status)) throw new Error('Please sign in again');
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
};

// `fetch` with that token, for libraries whose headers cannot wait for one.
export const authorized = (token) => async (url, options) => {
  const headers = { ...options?.headers, Authorization: `Bearer ${await token()}` };
  return fetch(url, { ...options, headers });
};
