"""Worth: when each customer orders next, and what customers, stages and cohorts bring. Takes a shop and a moment."""
