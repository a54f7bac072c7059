"""The command line: one short file per group of commands."""
