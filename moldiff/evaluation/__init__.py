"""Scores of files and of molecules in memory, against known molecules and the data's own figures."""
