"""Time series: windows over the rows of a table, each with the rows that follow it."""
