"""Benches of network cameras, against a live RTSP server."""
