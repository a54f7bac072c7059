"""Tests of choosing, rendering, approving and checking an issue."""
