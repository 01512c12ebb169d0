"""Shapes of real inventories as cases: what comes in, what is made of it. `test_shapes` names all of them."""
