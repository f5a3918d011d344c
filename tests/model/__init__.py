"""The row-by-row reference model of what every table must hold. Shares no code with the product."""
