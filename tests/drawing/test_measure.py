import re
from pathlib import Path

import pytest

from rel_component.drawing.measure import get_width


def test_widths_are_those_of_the_font():
    """Matplotlib has Adobe's metrics of Helvetica."""
    data = Path(pytest.importorskip("matplotlib").get_data_path())
    metrics = (data / "fonts/pdfcorefonts/Helvetica.afm").read_text(encoding="latin1")
    rows = re.findall(r"^C (\d+) ; WX (\d+)", metrics, re.MULTILINE)
    # 39 and 96 are typographic quotes there
    ascii_rows = [(int(c), int(w)) for c, w in rows if 32 <= int(c) < 127]
    for code, width in ascii_rows:
        if code not in (39, 96):
            assert get_width(chr(code), 1000) == width, chr(code)
    assert len(ascii_rows) == 95
    assert get_width("漢", 10) == 10
    assert get_width("é", 10) == get_width("e\u0301", 10)
