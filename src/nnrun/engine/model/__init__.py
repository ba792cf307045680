"""From parts to a compiled Keras model, and whole models to disk and back."""
