"""How the embedded planner is made: data, tokenizer, training, export and evaluation."""
