"""What a contact changes: from past campaigns or a matrix to a judged stack of uplift learners and its baselines."""
