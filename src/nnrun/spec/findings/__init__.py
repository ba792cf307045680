"""What a config says that cannot work, or is probably not meant, across its sections: one file for each family."""
