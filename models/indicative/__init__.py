"""Training, export and ablations of the indicative network (S1): relevance of a pair and the evidence for it."""
