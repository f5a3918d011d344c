"""From judged rows to partials per window, and how partials merge: free of order."""
