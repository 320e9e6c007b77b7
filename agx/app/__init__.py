"""What the command line and a server share: settings to planner, registries, input, recording, doctor."""
