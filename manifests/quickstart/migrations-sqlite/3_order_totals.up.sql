-- The bad release: it reads totals from a column that nobody fills.
ALTER TABLE orders RENAME COLUMN cents TO price_cents;
