"""How reliable a representation is: between visits, devices and seeds; and how well it reconstructs signals."""
