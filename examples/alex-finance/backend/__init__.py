"""Alex: a finance system of five agents. `portfolio` holds the one truth about money that all of them use."""
