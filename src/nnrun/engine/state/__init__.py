"""The state of a training: what an exact resume needs, in one file."""
