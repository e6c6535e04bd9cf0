"""What every kind of op does when it is its turn, on the one array of bytes that holds everything."""
