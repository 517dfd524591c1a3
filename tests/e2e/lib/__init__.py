"""What the end-to-end tests share: a broker of their own, the program, an independent reader."""
