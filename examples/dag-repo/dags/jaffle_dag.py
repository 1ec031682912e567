"""The dbt project `jaffle`, once a day: one Airflow task per model, seed and group of tests."""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from cosmos import DbtDag

sys.path.append(str(Path(__file__).parent))  # needed if the repository's root is on Airflow's own path
from astro_projects import DbtProject

jaffle = DbtProject.find("jaffle", __file__)

dag = DbtDag(
    dag_id="jaffle",
    doc_md=jaffle.documented(__doc__),
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=1)},
    **jaffle.cosmos(target=os.environ.get("JAFFLE_TARGET", "dev")),
)
