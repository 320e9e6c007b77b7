"""How a model is prompted: chat templates, and the reasoning before an answer. No token loop here."""
