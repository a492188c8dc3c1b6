"""Candidates: all that an audience is drawn from: who is known, with which scores, worth and past contacts."""
