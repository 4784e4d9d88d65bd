"""docs/plugins.md: its file passes the checks that its test calls.  Its commands run in test_snippets.py."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_file_of_the_page_passes_the_test_of_the_page(tmp_path):
    own, test = FENCE.findall(PAGE.read_text(encoding="utf-8"))
    (tmp_path / "my.py").write_text(own)
    more = "    rnnlab.testing.check_cell('minimal')\n    rnnlab.testing.check_activation('fast_bump')\n"
    (tmp_path / "test_my.py").write_text(f"{test}{more}\n\ntest_my_own()\n")
    subprocess.run([sys.executable, "-W", "error", "test_my.py"], cwd=tmp_path, check=True)
