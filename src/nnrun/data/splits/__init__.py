"""Parts and folds: how many rows each gets, and which."""
