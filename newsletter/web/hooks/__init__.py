"""Addresses that providers post to."""
