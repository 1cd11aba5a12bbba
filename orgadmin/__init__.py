"""The project: settings, URLs and processes. It knows nothing about departments."""
