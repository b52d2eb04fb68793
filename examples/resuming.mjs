// What graphql-ws and graphql-sse need to come back where they were: they repeat the request as it is by then.

// How the server says that the token has ended: it closes a WebSocket, and tells an event stream.
const TOKEN_EXPIRED = 4401;
const isExpired = ({ errors }) => errors?.[0].extensions?.code === 'UNAUTHENTICATED';
const NOT_ACCEPTED = 4403;

// A restart takes seconds: try again soon, for as long as it takes; but not with a token that is no good.
export const RETRY = {
  retryAttempts: Infinity,
  shouldRetry: ({ code }) => code !== NOT_ACCEPTED,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 300)),
};

// Wrap a client: a subscription is repeated with the last version that came as `afterVersion`, after the end of a token
// as well, for which neither library comes back by itself.
export function resuming(client) {
  return {
    ...client,
    subscribe(payload, sink) {
      const request = { ...payload, variables: { ...payload.variables } };
      let [stop, expired] = [() => {}, false];
      const begin = () => {
        expired = false;
        stop = client.subscribe(request, {
          next(result) {
            expired = isExpired(result);
            request.variables.afterVersion = result.data?.videoJob?.version ?? request.variables.afterVersion;
            if (!expired) sink.next(result);
          },
          error: (error) => (error.code === TOKEN_EXPIRED ? begin() : sink.error(error)),
          complete: () => (expired ? begin() : sink.complete()),
        });
      };
      begin();
      return () => stop();
    },
  };
}
