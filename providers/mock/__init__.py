"""Generates at no cost: hands out videos that were rendered beforehand."""
