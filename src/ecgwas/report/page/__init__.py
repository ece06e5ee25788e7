"""The page: findings in, one self-contained HTML text out."""
