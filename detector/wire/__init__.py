"""The wire: message models, JSON schemas, endpoints and CURVE keys of a line's ZeroMQ sockets."""
