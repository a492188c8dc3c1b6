"""What a training found, as a page: from its values to blocks, tables and charts; nothing is computed anew."""
