"""A believable small operator to try the portal with: its configuration, two weeks of calls, phones that live.

An addition to the product, which knows nothing of it: everything here goes through the product's own services, its
event stream and its switch. Numbers are from ranges kept for drama (Ofcom, NANP 555-01xx), addresses from RFC 5737
in the past and from loopback for what is live.
"""
