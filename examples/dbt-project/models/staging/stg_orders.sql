select
    order_id,
    customer_id,
    cast(ordered_at as date) as ordered_on,
    status,
    cast(amount_cents / 100.0 as decimal(12, 2)) as amount
from {{ ref('raw_orders') }}
