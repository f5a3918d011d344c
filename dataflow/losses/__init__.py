"""Records that do not count, dead or late or at an absurd time: how many, why most likely, and in which words."""
