"""Proposal: what `penchant init` does. A folder of files comes in, a penchant.toml with its doubts goes out.

Reads files as the intake does; opens no shop.
"""
