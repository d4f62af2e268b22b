"""One module for each process of `python -m api`, imported only by that process."""
