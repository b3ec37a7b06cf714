"""Indicative retrieval (S1): the tensor of patch correlations, a network over it that says how relevant two
pictures are, and the evidence for that, which is the network's Grad-CAM computed in the same forward pass."""
