"""CSV files as loggers, spreadsheets and mail programs leave them: read, or told what is wrong with them."""

import gzip
import io
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from forecaster.errors import DataError
from forecaster.series import synthetic, table

FRAME = synthetic.seasonal(1, 30)
TEXT = FRAME.to_csv(index=False)


def _zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("in.csv", TEXT)
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("in.csv", TEXT.encode("utf-16")),
        ("in.csv", b"\xfe\xff" + TEXT.encode("utf-16-be")),
        ("in.txt", TEXT.replace(",", "\t").encode("utf-16")),
        ("in.csv.gz", gzip.compress(TEXT.encode("utf-16"))),
        ("in.csv", TEXT.encode("utf-8-sig")),
        ("in.csv", ("\n\n" + TEXT.replace(",", ";")).encode()),
        ("in.csv", TEXT.replace("ds", "#ds").encode()),
    ],
)
def test_what_spreadsheets_write_is_read(name: str, content: bytes, tmp_path: Path) -> None:
    """UTF-16 by its mark, and whichever separator stands in the first line with something in it."""
    (tmp_path / name).write_bytes(content)
    frame = table.read(tmp_path / name).rename(columns={"#ds": "ds"})
    frame["ds"] = pd.to_datetime(frame["ds"]).dt.as_unit("us")
    pd.testing.assert_frame_equal(frame, FRAME.assign(ds=FRAME["ds"].dt.as_unit("us")), check_dtype=False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.csv", b"", "is empty. Expected a line with the names"),
        ("in.csv", b"\n \n\n", "is empty"),
        ("in.csv", b"# made by a logger\n" + TEXT.encode(), "begins with a comment, '# made by a logger'. Remove"),
        ("in.csv", _zipped(), "is a zip archive or a workbook. Unpack it"),
        ("in.zip", _zipped(), "unknown kind of file. .*Unpack it first"),
        ("in.csv", TEXT.replace("s0", "é").encode("latin-1"), "byte 0xe9 in line 2. .*iconv -f windows-1252"),
        ("in.csv", gzip.compress(TEXT.encode()), r"is compressed by gzip. Call it \.csv\.gz"),
        ("in.csv.gz", TEXT.encode(), r"is not compressed. Take \.gz off"),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_do(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    """In one line that names the file."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"^'{tmp_path / name}'.*{message}"):
        table.read(tmp_path / name)
