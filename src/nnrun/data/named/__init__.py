"""Named data sets: their description, their files and how these are read."""
