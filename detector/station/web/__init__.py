"""The station's HTTP server: pages, events, answers, history."""
