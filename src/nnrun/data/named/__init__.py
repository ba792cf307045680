"""Named data sets: what is known of each, where its files come from, how they are read."""
