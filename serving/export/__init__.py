"""Export: an audience comes in; the tool that sends gets it as a file or as rows of a table."""
