"""Series at the border: frames, roles, steps, calendars and the contract of a connector."""
