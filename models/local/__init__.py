"""Training of the local features: which cell of one picture shows what a cell of another shows."""
