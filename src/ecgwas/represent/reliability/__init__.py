"""How far a representation holds: between visits, devices and seeds, and how well it gives signals back."""
