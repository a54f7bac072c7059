"""Write: each story from both sides, every sentence resting on evidence."""
