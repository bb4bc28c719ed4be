"""Who may open a session, and the tokens that a session is."""
