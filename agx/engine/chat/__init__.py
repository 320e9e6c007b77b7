"""How a model is spoken to: chat templates, and reasoning. No token loop in here."""
