from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch


def test_a_compiled_network_learns_the_same_and_its_attention_is_read() -> None:
    script = Path(__file__).with_name("compiled.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    plain, compiled = found["plain"], found["compiled"]
    assert found["graphs"] == 1 and found["breaks"] == 0  # also the tap's reading is compiled
    assert compiled["losses"] == pytest.approx(plain["losses"], rel=1e-5) and len(set(plain["losses"])) == 3
    assert compiled["weights"].keys() == plain["weights"].keys()
    for name, weight in plain["weights"].items():
        torch.testing.assert_close(torch.tensor(compiled["weights"][name]), torch.tensor(weight), rtol=1e-4, atol=1e-5)
