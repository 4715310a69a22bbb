"""Who may do what: users, sessions, tokens, limits on guessing."""
