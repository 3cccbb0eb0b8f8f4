"""Recurrent cells: the formula of each, and its fused form."""
