"""Other systems, wired: what goes there, what comes back, and how what failed is tried again."""
