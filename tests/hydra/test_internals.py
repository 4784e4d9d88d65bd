"""Private names of Hydra and OmegaConf are used in one file."""

import re
from pathlib import Path

import rnnlab

ROOT = Path(rnnlab.__file__).parent.parent
PRIVATE = re.compile(r"\b(?:hydra|omegaconf)\._[a-z]\w*|\._get_node\b|\._return_value\b|\._metadata\b|\._set_flag\b")


def test_private_names_stand_in_one_file():
    for folder in ("rnnlab", "hydra_plugins", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            if path != ROOT / "rnnlab" / "hydra" / "internals.py" and path != Path(__file__).resolve():
                assert not PRIVATE.search(path.read_text(encoding="utf-8")), path
