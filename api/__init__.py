"""The shell: it wires the rooms, and only it commits."""
