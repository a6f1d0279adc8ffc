"""Questions to one database: lookups, state, compiler and the lazy QuerySet."""
