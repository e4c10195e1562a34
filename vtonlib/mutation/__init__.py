"""Mutation testing of this library: one line is made wrong, and it is asked which kinds of checks notice."""
