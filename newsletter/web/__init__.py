"""The pages: the issue as it was sent, unsubscribing, and the health checks."""
