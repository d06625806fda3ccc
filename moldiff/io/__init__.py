"""Files of molecules: formats, readers and writers."""
