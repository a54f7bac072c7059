"""Send: one row per reader, never twice, never lost, and it says so."""
