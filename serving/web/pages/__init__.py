"""Pages: what each page says, as plain values; the HTML page and its JSON twin are two renderings of the same view."""
