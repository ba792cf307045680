"""The training loop, its callbacks, and folds trained together on JAX."""
