"""A finished run over HTTP: what requests may hold, how they are answered together, and the server; no model."""
