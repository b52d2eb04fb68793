// What graphql-ws and graphql-sse need to come back where they were: they repeat the request as it is by then.

// A restart takes seconds: try again soon, for as long as it takes.
export const RETRY = {
  retryAttempts: Infinity,
  shouldRetry: () => true,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 300)),
};

// Wrap a client: `afterVersion` of a repeated subscription is the last version that came.
export function resuming(client) {
  return {
    ...client,
    subscribe(payload, sink) {
      const request = { ...payload, variables: { ...payload.variables } };
      return client.subscribe(request, {
        next(result) {
          const version = result.data?.videoJob?.version;
          if (version) request.variables.afterVersion = version;
          sink.next(result);
        },
        error: (error) => sink.error(error),
        complete: () => sink.complete(),
      });
    },
  };
}
