"""From a Keras model to the `model:` of a config that compiles to the same model."""
