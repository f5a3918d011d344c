"""One line below the logs."""

import io

from runtime.live_line import LiveLine, terminal_columns

CLEAR = "\r\x1b[K"


def made(columns: int = 20) -> tuple[LiveLine, io.StringIO]:
    stream = io.StringIO()
    return LiveLine(stream, lambda: columns), stream


def test_the_line_is_written_anew_and_cut_to_the_terminal() -> None:
    line, stream = made()
    line.show("one")
    line.show("2" * 40)
    assert stream.getvalue() == f"{CLEAR}one{CLEAR}{'2' * 19}"
    assert line.room() == 19


def test_logs_go_by_above_it_once_their_line_has_ended() -> None:
    line, stream = made()
    print("before", file=line)
    line.show("at 1 s")
    line.write("a log")
    assert stream.getvalue() == f"before\n{CLEAR}at 1 s"
    line.write("\n")
    assert stream.getvalue() == f"before\n{CLEAR}at 1 s{CLEAR}a log\nat 1 s"


def test_what_comes_after_the_line_was_left_goes_below_it() -> None:
    line, stream = made()
    line.leave()
    line.show("the end")
    line.leave()
    print("ended", file=line, flush=True)
    assert stream.getvalue() == f"{CLEAR}the end\nended\n"


def test_it_is_a_terminal_for_those_who_colour() -> None:
    line, _ = made()
    assert line.isatty()
    assert line.writable()
    assert terminal_columns() > 0
