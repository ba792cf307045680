"""Preparation steps: fitted on the training part, kept as JSON, applied to every part and to new data."""
