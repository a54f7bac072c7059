"""Compose: choose the day's stories, render them once, and bind the approval to the bytes."""
