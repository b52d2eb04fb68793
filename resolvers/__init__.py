"""The rules: every decision, once, for both wires."""
