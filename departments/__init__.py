"""Departments of one company in DingTalk: browse them, read them, change them, delete them."""
