"""Figures beside their rivals, one file a question; `make bench` asks them all."""
