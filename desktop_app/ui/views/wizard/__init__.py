"""The wizard: four short pages inside the window, each of which answers one question."""
