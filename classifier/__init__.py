"""What a text is about: a ranked suggestion of functions, topics and class."""
