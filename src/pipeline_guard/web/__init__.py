"""What is reachable by HTTP: webhooks, API, dashboard, health, metrics."""
