"""People: what somebody asks for, in a comment or on the dashboard."""
