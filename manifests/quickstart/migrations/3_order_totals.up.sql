-- The bad release: it forgets the quantity.
CREATE OR REPLACE VIEW order_totals AS
    SELECT user_id, sum(cents) AS total FROM orders GROUP BY user_id;
