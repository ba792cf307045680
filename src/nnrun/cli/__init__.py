"""The command line: thin commands over the plain functions of the pipeline."""
