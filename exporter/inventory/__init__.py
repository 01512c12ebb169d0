"""What the bytes of an inventory mean, and which records are stored; pure"""
