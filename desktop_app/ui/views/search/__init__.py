"""The Search page: the query panel, its regions, the results and what is said about them."""
