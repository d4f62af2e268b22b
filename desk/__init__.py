"""The pages of operators, agencies and overseers. See docs/decisions/0011-the-desk.md."""
