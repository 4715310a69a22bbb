"""Authentication and authorisation: users, sessions, tokens, rate limits."""
