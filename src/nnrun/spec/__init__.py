"""The experiment's schema: what a config says, validated and frozen."""
