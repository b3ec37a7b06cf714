"""The commands of `indicium`, one module each: they read arguments, call services and print. Never Qt."""
