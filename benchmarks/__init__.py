"""The figures of the documentation, measured again: one file per figure."""
