"""The speed of the emulator on the machine it runs on."""
