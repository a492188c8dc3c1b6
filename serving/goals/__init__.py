"""Goals: wanted changes of stage, offers, and who is eligible, as values."""
