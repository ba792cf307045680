"""How things look on a terminal: width, colours, tables, progress, problems, scores."""
