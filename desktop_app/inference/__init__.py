"""Model packs at work: reading and checking them, choosing a device with a reason, and turning pictures
into features. Arrays in, features out; the only room that knows ONNX Runtime."""
