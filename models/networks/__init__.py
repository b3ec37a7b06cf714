"""The networks of the packs, one idea a file."""
