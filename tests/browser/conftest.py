"""What the browser tests share: patience with a busy machine."""

from playwright.sync_api import expect

# Playwright's five seconds are less than a page takes that is shown first while the product starts beside it.
expect.set_options(timeout=30_000)
