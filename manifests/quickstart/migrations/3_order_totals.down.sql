CREATE OR REPLACE VIEW order_totals AS
    SELECT user_id, sum(cents * quantity) AS total FROM orders GROUP BY user_id;
