"""A small SIP user agent over UDP (RFC 3261): enough of it to play phones and providers against a real switch."""
