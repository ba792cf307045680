"""Output shapes and numbers of parameters of Keras' layers, computed without Keras."""
