"""The people who make the issue: passwords, roles, second factors, sessions. Pure decisions."""
