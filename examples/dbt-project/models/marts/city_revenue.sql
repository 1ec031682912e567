select
    customers.city,
    sum(orders.amount_spent) as revenue
from {{ ref('customer_orders') }} as orders
inner join {{ ref('stg_customers') }} as customers on customers.customer_id = orders.customer_id
group by customers.city
