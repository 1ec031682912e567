"""Clients for everything outside this program; they do not import settings."""
