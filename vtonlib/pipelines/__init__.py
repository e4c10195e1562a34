"""Inference: from images to images, in diffusers' manner."""
