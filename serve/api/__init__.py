"""The HTTP side: routes, guards, forms of answers, problems."""
