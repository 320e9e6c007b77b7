"""What people see: tables, texts, progress, and the streams that results and notes go to."""
