select
    customer_id,
    trim(full_name) as customer_name,
    city
from {{ ref('raw_customers') }}
