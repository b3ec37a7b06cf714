"""Training and measuring co-attention (S0, CANet)."""
