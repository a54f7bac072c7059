"""Watching the house: status, alerts, doctor, backups, periods, logs, metrics."""
