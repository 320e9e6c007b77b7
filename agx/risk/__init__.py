"""What a task may do, and the policy of what it is allowed to do."""
