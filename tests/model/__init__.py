"""A model of the truth, an inventory that lies about it, and the law that what is called complete is true."""
