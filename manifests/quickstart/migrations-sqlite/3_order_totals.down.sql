ALTER TABLE orders RENAME COLUMN price_cents TO cents;
