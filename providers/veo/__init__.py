"""Generates with Veo, on the Gemini Enterprise Agent Platform. `docs/veo.md` has what Google does on the wire."""
