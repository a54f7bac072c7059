"""Collect: ask each feed politely, read it safely, and hand on clean articles."""
