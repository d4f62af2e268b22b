"""Files: fetched, looked at, cleaned, scanned, written down, and handed out."""
