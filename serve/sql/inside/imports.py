"""Libraries that import more of themselves when a question first needs it, imported while files can be opened."""

import decimal
import encodings.idna
import uuid

import duckdb
import numpy
import pyarrow as pa
import pyarrow.compute as pc

from query import batches
from serve.sql import weight

USED = (decimal, encodings.idna, uuid, duckdb, numpy, pa, pc, batches, weight)
