"""Networks, training and export of the model packs (PyTorch). The application never imports this package."""
