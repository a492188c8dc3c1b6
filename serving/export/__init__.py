"""Export: an audience comes in; the tool that sends gets it as a file or as rows of a table."""

from .files import Destination, export_audience, export_rows, load_destination
from .files import write_file as _write_file

__all__ = ["Destination", "_write_file", "export_audience", "export_rows", "load_destination"]
