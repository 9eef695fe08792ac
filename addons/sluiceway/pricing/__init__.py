"""What AI use costs: prices by date, exact cost, upper bounds and estimates before the answer."""
