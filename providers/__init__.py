"""The outside world, behind the protocols of `resolvers.ports`."""
