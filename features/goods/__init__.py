"""Goods: what is known of items and categories: roles, prices, demand, and who holds them in carts.

In comes a shop and a moment, out go tables of items. Knows signals and the past, and no customer by name.
"""
