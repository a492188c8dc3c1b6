"""Commands: what each does, given a `Work` and its options; a module is imported when its command runs."""
