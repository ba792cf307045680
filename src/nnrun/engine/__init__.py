"""The Keras side: start the backend, compile, train, save, evaluate, generate text."""
