"""Report: what people read, on the request, in the list of checks and elsewhere."""
