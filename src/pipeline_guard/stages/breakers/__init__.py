"""Breakers hold actions back beyond one failure: incidents, rules demoted, limits used up."""
