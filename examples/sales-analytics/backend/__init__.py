"""The code of the sales-analytics project: its agents and the domain package they share."""
