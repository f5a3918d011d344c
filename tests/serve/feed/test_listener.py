"""Who is told piece by piece: woken before, while and after a piece is made."""

import asyncio

from serve.feed.listener import HEARTBEAT, RETRY, Listener


class Counted(Listener):
    """Gives what it was handed, after a moment."""

    def __init__(self) -> None:
        super().__init__(lambda: self.is_over)
        self.is_over = False
        self.news: list[bytes] = []

    def tell(self, news: bytes) -> None:
        """There is something new."""
        self.news.append(news)
        self.wake()

    async def take(self) -> bytes:
        """All that is there."""
        found, self.news = b"".join(self.news), []
        await asyncio.sleep(0)
        return found


def test_what_comes_while_a_piece_is_made_is_sent_without_another_call() -> None:
    async def play() -> list[bytes]:
        listener, sent = Counted(), []
        listener.news = [b"a"]
        async for piece in listener.events():
            sent.append(piece)
            if piece == RETRY:
                listener.news.append(b"b")
            elif piece == b"ab":
                asyncio.get_running_loop().call_later(0.01, listener.tell, b"c")
            elif piece == b"c":
                listener.beat()
            elif piece == HEARTBEAT:
                listener.is_over = True
                listener.wake()
        return sent

    assert asyncio.run(asyncio.wait_for(play(), 10)) == [RETRY, b"ab", b"c", HEARTBEAT]


def test_it_watches_no_panels_unless_it_says_so() -> None:
    listener = Counted()
    assert (listener.watched, listener.waits_for_id) == (frozenset(), False)
