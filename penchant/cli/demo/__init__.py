"""The demo: a simulated shop, the loop of a campaign on it, and what its lists are truly worth."""
