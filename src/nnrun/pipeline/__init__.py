"""The straight line from a config to a kept run, and its shorter sisters."""
