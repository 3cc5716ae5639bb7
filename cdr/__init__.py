"""Call detail records, call pages, dashboard."""
