"""The ways a letter can leave: folder, SMTP, SendGrid, and a recording for tests."""
