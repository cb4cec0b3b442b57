"""HTML pages: templates rendered with autoescape; the frame, style and tables of all pages. No torch."""
