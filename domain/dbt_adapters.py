"""Which packages provide which type of dbt profile.

Source: the adapters' metadata on PyPI. A package may provide other types too, because it depends on their packages, and a
community package may be named differently from its type (docs.getdbt.com, docs/supported-data-platforms).
"""

from __future__ import annotations

from collections.abc import Mapping

_OWN_NAME = frozenset(
    {
        "athena", "bigquery", "clickhouse", "cratedb", "databend", "databricks", "decodable", "doris", "dremio", "duckdb",
        "exasol", "fabric", "fabricspark", "firebolt", "glue", "greenplum", "hive", "iomete", "impala",
        "materialize", "maxcompute", "mindsdb", "mysql", "oracle", "postgres", "redshift", "risingwave", "rockset",
        "singlestore", "snowflake", "spark", "sqlite", "sqlserver", "starrocks", "synapse", "teradata", "tidb", "trino", "upsolver",
        "vertica", "yellowbrick",
    }
)  # fmt: skip
"""Types whose package is dbt-<type>."""
_ALSO: Mapping[str, frozenset[str]] = {
    "athena": frozenset({"dbt-athena-community"}),
    "postgres": frozenset({"dbt-redshift", "dbt-materialize", "dbt-risingwave", "dbt-cratedb"}),
    "spark": frozenset({"dbt-databricks", "dbt-glue"}),
    "fabric": frozenset({"dbt-synapse", "dbt-sqlserver"}),
    "mysql5": frozenset({"dbt-mysql"}),
    "mariadb": frozenset({"dbt-mysql"}),
    "ibmdb2": frozenset({"dbt-ibmdb2"}),
    "databend": frozenset({"dbt-databend-cloud"}),
    "layer-bigquery": frozenset({"dbt-layer-bigquery"}),
    "netezza": frozenset({"dbt-ibm-netezza"}),
    "watsonx-presto": frozenset({"dbt-watsonx-presto"}),
    "watsonx-spark": frozenset({"dbt-watsonx-spark"}),
}
"""Other packages that provide a type."""
_DBT_2 = frozenset({"dbt", "dbt-oss"})
"""Packages of dbt 2, which has built-in adapters; which ones depends on the release."""


def adapters_for(kind: str) -> frozenset[str]:
    """Normalised names of the packages that provide a profile's type; empty if the type is unknown.

    >>> sorted(adapters_for("athena"))
    ['dbt', 'dbt-athena', 'dbt-athena-community', 'dbt-oss']
    """
    name = kind.lower().replace("_", "-").replace(".", "-")
    own = frozenset({f"dbt-{name}"}) if name in _OWN_NAME else frozenset()
    found = own | _ALSO.get(name, frozenset())
    return found | _DBT_2 if found else found
