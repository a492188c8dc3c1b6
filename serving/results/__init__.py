"""Results: the folders below out/ come in; what is old, what is still needed and what names a customer goes out.

Knows files and their manifests alone: no shop, no model.
"""
