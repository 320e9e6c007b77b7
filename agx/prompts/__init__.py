"""How an instruction, its context, a draft and its findings become messages."""
