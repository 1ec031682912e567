-- No amount is lost or counted twice on the way from customers to cities.
with sums as (
    select
        (select sum(amount_spent) from {{ ref('customer_orders') }}) as by_customer,
        (select sum(revenue) from {{ ref('city_revenue') }}) as by_city
)

select *
from sums
where by_customer is distinct from by_city
