"""Figures and widgets: the only part of vtonlib that imports matplotlib and ipywidgets."""
