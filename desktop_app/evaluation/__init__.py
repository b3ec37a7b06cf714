"""Evaluation: measures, the protocol `folders`, and the calibration of a pack on photos with known classes. It
ranks with the functions of `retrieval` and is given its features, so that one preprocessing serves everything."""
