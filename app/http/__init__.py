"""What every request passes before it reaches one of the APIs: the protocol, limits on bodies, addresses."""
