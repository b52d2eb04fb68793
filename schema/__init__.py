"""The GraphQL edge: types, inputs, payloads, loaders. It decides nothing."""
