"""Integrations with other libraries; each requires an extra."""
