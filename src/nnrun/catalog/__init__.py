"""What Keras (and nnrun itself) offers, as data: names, parameters, defaults, accepted kinds."""
