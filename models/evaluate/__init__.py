"""Commands that measure networks and packs; every figure of a model card comes from one of them."""
