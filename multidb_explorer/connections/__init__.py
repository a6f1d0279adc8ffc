"""Aliases: their settings and secrets, the registry, and the sessions of each database."""
