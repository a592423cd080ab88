"""Prices of instruments from Polygon: `polygon` the client, `pace` its rate limit, `refresh` what is stored."""
