"""Data sources: one class each, listed in one table."""
