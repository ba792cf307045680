"""What runs an epoch: which executor, in which order of examples, with or without XLA."""
