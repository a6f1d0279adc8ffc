"""What the benchmarks share: measuring two sides in turns, and keeping what came out."""
