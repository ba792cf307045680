"""Data on disk, fed to the compiled steps by `tf.data`."""
