"""Staged changes: gathered first, looked at, committed in one transaction, and undone by their inverse."""
