"""What makes dashboard.json: ``python -m deploy.grafana`` writes it. Grafana needs the JSON alone."""
