"""Stores at Cloudinary. `docs/cloudinary.md` has what it does on the wire."""
