CREATE TABLE orders (
    id bigint PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users (id),
    cents bigint NOT NULL,
    quantity bigint NOT NULL DEFAULT 1
);
CREATE VIEW order_totals AS
    SELECT user_id, sum(cents * quantity) AS total FROM orders GROUP BY user_id;
