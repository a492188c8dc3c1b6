"""Score: champions and a shop come in; a score for everyone eligible goes out, as files."""
