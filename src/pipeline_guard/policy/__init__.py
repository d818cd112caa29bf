"""The policy: what people allow, read from YAML in layers, each value with the place it is from."""
