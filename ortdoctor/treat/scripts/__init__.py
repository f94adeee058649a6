"""What is written into an environment, or run by its interpreter; not imported here."""
