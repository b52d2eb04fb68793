"""The REST edge: the legacy contract, translated to the resolvers. It decides nothing."""
