"""Output shapes and parameter counts of Keras' layers by nnrun's own rules, without Keras."""
