"""Nearest neighbours: exact scan, HNSW behind checks of its own, snapshots that are verified before they
answer, and Hamming distances of packed codes. The only room that knows hnswlib."""
