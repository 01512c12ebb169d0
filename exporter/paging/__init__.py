"""Paging: from the first query of a list to all of its pages, and whether they were all."""
