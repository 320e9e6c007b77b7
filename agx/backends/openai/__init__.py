"""Any server that speaks OpenAI's HTTP API: OpenAI itself, vLLM, llama-server, LM Studio and others."""
