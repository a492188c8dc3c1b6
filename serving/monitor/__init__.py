"""Monitor: what moved since training, and what earlier scores promised against what came."""
