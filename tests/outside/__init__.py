"""What failed when version 0.1.0 met the outside, one test a row."""
