"""The straight line from a config to a finished run, and what else can be done with configs and runs."""
