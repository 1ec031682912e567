select
    ordered_on,
    count(*) as order_count,
    sum(amount) as revenue
from {{ ref('stg_orders') }}
where status = 'completed'
group by ordered_on
