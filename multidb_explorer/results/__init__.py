"""Answers: rows, Arrow batches and frames, typed by their columns."""
