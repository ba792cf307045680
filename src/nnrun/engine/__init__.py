"""The Keras side: wake, compile, train, checkpoint, evaluate."""
