"""Data that do not fit in memory: read from disk while they are trained on."""
