"""Translation models over HTTP: LibreTranslate's API, and a page."""
