"""The resident executor on JAX."""
