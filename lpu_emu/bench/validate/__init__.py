"""Published figures beside what the emulator does: every number comes from a verified program."""
