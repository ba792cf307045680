"""nnrun: a command-line experiment runner for neural networks, in Keras' own words."""

__version__ = "0.1.0"
