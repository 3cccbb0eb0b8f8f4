"""Numbers -> pictures, with matplotlib."""
