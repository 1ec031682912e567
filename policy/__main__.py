"""Entry point of the policy pack: Pulumi runs this file with the pack's folder as working directory."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from policy.pack import pack

pack()
