module astro-dbt.local/pause

go 1.26.0
