"""Files of one format (npy, IDX, pictures, archives) read, verified and downloaded."""
