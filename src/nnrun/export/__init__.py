"""A run as a file that others can use without nnrun: one class a format."""
