"""The trained model: from an excerpt of a log to a calibrated guess at the category."""
