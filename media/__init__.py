"""Images and videos as files: what their content is found to be, and made fit to be stored or shown."""
