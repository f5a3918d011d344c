"""Questions that the API answers: what each takes, on what its answer depends, and how the answer is made."""
