"""What tables and views a lake holds for a pipeline."""
