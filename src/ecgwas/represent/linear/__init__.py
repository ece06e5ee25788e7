"""What the linear representations share: principal components, rotation, minimum noise fraction."""
