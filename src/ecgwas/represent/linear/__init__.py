"""Shared by the linear representations: principal components, rotation, minimum noise fraction."""
