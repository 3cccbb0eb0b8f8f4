"""Attention: how a decoder looks back at the source."""
