"""Sources to arrays: named sets, tables, arrays, preparation, splits."""
