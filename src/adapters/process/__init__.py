"""A plan as a process: started in bounds, read as it speaks, ended with all that it left."""
