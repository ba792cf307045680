"""The parts of Keras and of nnrun as data: names, parameters, defaults, kinds of values."""
