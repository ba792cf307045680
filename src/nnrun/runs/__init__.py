"""The disk side of a run: its folder, its record, finding it again."""
