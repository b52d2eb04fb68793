"""Generates with Gemini Omni by Google's Interactions API. `docs/omni.md` has what Google does on the wire."""
