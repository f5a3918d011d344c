"""A run as a process: settings, recovery folder, metrics, supervision, signals."""
