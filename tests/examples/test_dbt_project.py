"""The example dbt project, built by real dbt."""

import pytest

from tests.examples.conftest import Workspace

pytestmark = pytest.mark.airflow


def test_project_builds_and_its_tests_pass(workspace: Workspace) -> None:
    project = workspace.place_project(workspace.root / "jaffle")
    code, printed = workspace.run_dbt(project, "build")
    assert code == 0, printed
    assert "WARN=0 ERROR=0 SKIP=0" in printed
    assert "eprecat" not in printed
    assert workspace.dbt.rows(
        workspace.database, "select city, cast(revenue as varchar) from city_revenue order by city"
    ) == ("[('Leeds', '7.60'), ('Lund', '20.00'), ('Uppsala', '15.60'), ('Utrecht', '41.90')]")


def test_its_tests_notice_bad_data(workspace: Workspace) -> None:
    project = workspace.place_project(workspace.root / "jaffle")
    orders = project / "seeds" / "raw_orders.csv"
    orders.write_text(orders.read_text() + "109,77,2026-01-08,completed,100\n")
    code, printed = workspace.run_dbt(project, "build")
    assert code != 0
    assert "Failure in test relationships_stg_orders_customer_id" in printed


def test_its_own_test_notices_a_lost_amount(workspace: Workspace) -> None:
    project = workspace.place_project(workspace.root / "jaffle")
    model = project / "models" / "marts" / "city_revenue.sql"
    model.write_text(model.read_text().replace("group by", "where customers.city <> 'Lund'\ngroup by"))
    code, printed = workspace.run_dbt(project, "build")
    assert code != 0
    assert "Failure in test city_revenue_equals_customer_orders" in printed
