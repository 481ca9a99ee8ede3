"""OpenSSH signatures and the statements that people sign."""
