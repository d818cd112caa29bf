"""Act: what was planned is done, once, unless something speaks against it at last."""
