"""Texts: tokens, windows, and how much of a generated text is a copy."""
