"""Pages for people, drawn from the REST API."""
