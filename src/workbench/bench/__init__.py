"""Measurements of the model server and of the model files."""
