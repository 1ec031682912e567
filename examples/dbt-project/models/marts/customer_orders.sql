with totals as (
    select
        customer_id,
        count(*) as order_count,
        min(ordered_on) as first_ordered_on,
        sum(amount) as amount_spent
    from {{ ref('stg_orders') }}
    where status <> 'returned'
    group by customer_id
)

select
    customers.customer_id,
    customers.customer_name,
    coalesce(totals.order_count, 0) as order_count,
    totals.first_ordered_on,
    coalesce(totals.amount_spent, 0) as amount_spent
from {{ ref('stg_customers') }} as customers
left join totals on totals.customer_id = customers.customer_id
