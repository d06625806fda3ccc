"""Data sets that can be prepared, a file each."""
