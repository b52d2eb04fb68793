// What graphql-ws and graphql-sse need to come back where they were: they repeat the request as it is by then.

// How the server says that the token has ended: it closes a WebSocket, and tells an event stream. That passes with a
// new token, as the next ones do when the server and its database have begun again.
const TOKEN_EXPIRED = 4401;
const PASSING = ['UNAUTHENTICATED', 'SERVER_RESTARTING', 'DATABASE_UNAVAILABLE', 'DATABASE_BUSY', 'DATABASE_TIMED_OUT'];
const passes = (errors) => PASSING.includes(errors?.[0]?.extensions?.code);
const NOT_ACCEPTED = 4403;
const ANSWER_MS = 5_000;

// A restart takes seconds: try again soon, for as long as it takes; but not with a token that is no good.
export const RETRY = {
  retryAttempts: Infinity,
  shouldRetry: ({ code }) => code !== NOT_ACCEPTED,
  keepAlive: 10_000, // by which `resuming` notices that a connection has been lost without a word
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 300)),
};

// Wrap a client: a subscription is repeated with the last version that came as `afterVersion`, also after what neither
// library comes back from by itself.
export function resuming(client) {
  let silence;
  client.on?.('ping', (received) => { if (!received) silence = setTimeout(client.terminate, ANSWER_MS); });
  client.on?.('pong', (received) => received && clearTimeout(silence));
  client.on?.('closed', () => clearTimeout(silence));
  return {
    ...client,
    subscribe(payload, sink) {
      const request = { ...payload, variables: { ...payload.variables } };
      let [stop, stopped] = [() => {}, false];
      const begin = () => {
        if (stopped) return;
        let again = false;
        stop = client.subscribe(request, {
          next(result) {
            again = passes(result.errors);
            request.variables.afterVersion = result.data?.videoJob?.version ?? request.variables.afterVersion;
            if (!again) sink.next(result);
          },
          error: (error) => (error.code === TOKEN_EXPIRED || passes(error) ? RETRY.retryWait().then(begin) : sink.error(error)),
          complete: () => (again ? RETRY.retryWait().then(begin) : sink.complete()),
        });
      };
      begin();
      return () => {
        stopped = true;
        stop();
      };
    },
  };
}
