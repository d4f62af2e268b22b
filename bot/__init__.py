"""The conversation: texts, questions, readers and channels. It knows no database and no clock."""
