"""Settings: their definition, and the sections of settings that every run has."""
