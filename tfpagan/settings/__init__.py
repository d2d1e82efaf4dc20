"""What a setting is, and the sections of settings that every run has."""
