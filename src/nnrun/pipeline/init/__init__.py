"""A first config for data of one's own, from what the data are."""
