"""HTML pages: templates rendered with autoescape; the head, style and tables that all pages share. No torch."""
