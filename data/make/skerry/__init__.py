"""The rows of ``skerry.sqlite``, by subject; ``data/make/database.py`` puts them together."""
