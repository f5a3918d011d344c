"""A text stands in a literal of SQL, and in a statement that clients cut at semicolons."""

import json

from flink.contract.words import quoted


def test_a_text_is_ascii_without_quotes_of_sql_and_ends_of_statements() -> None:
    text = 'it\'s; \u00e4 \U0001f600 "q" \\ \n'
    assert quoted(text) == '"it\\u0027s\\u003b \\u00e4 \\ud83d\\ude00 \\"q\\" \\\\ \\n"'
    assert json.loads(quoted(text)) == text
