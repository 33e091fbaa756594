"""The back ends: one module for each source of logins."""
