"""History in PostgreSQL: deliveries, failures, actions; the only folder that speaks SQL."""
