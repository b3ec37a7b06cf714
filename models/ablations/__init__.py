"""What each part of a paper's network is worth: the same training with and without it."""
