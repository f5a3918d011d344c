"""What runs in a process behind the walls; nothing that it says is trusted outside."""
