"""Text tables: dialect, header, column types, values, and every defect with its place."""
