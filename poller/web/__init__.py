"""What the poller answers over HTTP: metrics for Prometheus, probes for whoever runs it."""
