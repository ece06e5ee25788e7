"""Shared by the trained representations: networks, training, and the encoder made from them."""
