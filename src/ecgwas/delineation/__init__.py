"""Delineation of beats: fiducial points, pacing spikes, the vectorcardiogram, and measurements that follow from them."""
