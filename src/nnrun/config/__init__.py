"""The language: text with marks, overrides, and how a problem is shown."""
