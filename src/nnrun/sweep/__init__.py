"""Many trainings of one config: which values are tried, and the ledger of what became of them."""
