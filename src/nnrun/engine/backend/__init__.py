"""Keras' backend: started once, with seeds, threads and quiet libraries."""
