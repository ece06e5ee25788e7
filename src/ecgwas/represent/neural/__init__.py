"""What the trained representations share: networks, training, the encoder made of them."""
