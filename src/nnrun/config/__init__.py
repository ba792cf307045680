"""The language of configs: text with marks, overrides, and problems as text."""
