"""Plan: several goals, offers and channels under shared limits come in; audiences for each due wave go out."""
