"""What money, ids and errors are. Pure Python: nothing here knows of Django or a database."""
