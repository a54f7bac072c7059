"""The people who read: who they are, what they agreed to, which segments they are in."""
