"""Who sells: name, address and tax of the operator's company, and how its invoices are made."""
