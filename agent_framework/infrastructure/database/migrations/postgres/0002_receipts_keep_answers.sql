-- A statement that is a transaction of its own loses its answer with the connection; the receipt keeps it.
ALTER TABLE transaction_receipts ADD COLUMN answer JSON;
