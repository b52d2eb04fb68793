"""The application: settings, wiring, processes, command line. The only package that knows all the others."""
