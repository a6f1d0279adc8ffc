"""Copying and moving rows between databases: planned, verified, resumable."""
