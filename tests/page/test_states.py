"""What the page says when something is wrong: which, why, and the command that changes it."""

from pathlib import Path

from playwright.sync_api import BrowserContext

from tests.page.look import Look
from tests.page.served import Server


def test_a_server_that_goes_is_noticed_and_found_again(context: BrowserContext, served: Server, tmp_path: Path) -> None:
    own = Server(tmp_path, lake=served.lake)
    own.start()
    try:
        look = Look(context.new_page(), own.url).open("/?view=ads")
        before = look.figure("last_commit_at")
        assert own.stop() == 0, own.told()
        banner = look["stale"]
        banner.wait_for()
        assert "tidemill serve" in banner.inner_text()
        assert "trying" in banner.inner_text()
        # what was seen stays to be read
        assert look.figure("last_commit_at") >= before
        own.start()
        look.until(lambda: banner.count() == 0, "the banner is gone")
        look.until(lambda: look.figure("last_commit_at") > before, "the page moves again")
        assert look.mistakes == []
    finally:
        own.stop()


def test_a_folder_without_a_lake_names_the_command_that_fills_it(context: BrowserContext, tmp_path: Path) -> None:
    own = Server(tmp_path)
    own.start()
    try:
        look = Look(context.new_page(), own.url)
        look.tab.goto(own.url)
        problem = look["problem"]
        problem.wait_for()
        assert "tidemill run" in problem.inner_text()
        assert problem.get_by_role("button").count() > 0, "the command can be copied"
    finally:
        assert own.stop() == 0, own.told()


def test_a_token_is_asked_for_and_kept_in_the_tab(context: BrowserContext, served: Server, tmp_path: Path) -> None:
    own = Server(tmp_path, lake=served.lake, TIDEMILL_SERVE_TOKEN="a-token-of-a-test")
    own.start()
    try:
        look = Look(context.new_page(), own.url)
        look.tab.goto(own.url)
        look["token"].fill("another")
        look["token"].press("Enter")
        look.until(lambda: "not the right one" in look["token-form"].inner_text(), "a wrong token is told")
        look["token"].fill("a-token-of-a-test")
        look["token"].press("Enter")
        look["figures"].wait_for()
        look.ready()
        assert look["token-form"].count() == 0
        look.tab.reload()
        look.ready()
        look["figures"].wait_for()
        assert "a-token-of-a-test" not in look.tab.url
    finally:
        assert own.stop() == 0, own.told()


def test_an_unknown_board_is_told(look: Look) -> None:
    look.tab.goto(look.url + "/?view=nowhere")
    look["problem"].wait_for()
    assert "nowhere" in look["problem"].inner_text()
    look["tab-ads"].click()
    look["figures"].wait_for()


def test_a_board_file_with_a_mistake_names_file_key_and_fix(
    context: BrowserContext, served: Server, tmp_path: Path
) -> None:
    (tmp_path / "boards").mkdir()
    (tmp_path / "ads.py").write_text(Path(served.arguments[served.arguments.index("--pipeline") + 1]).read_text())
    (tmp_path / "boards" / "mine.toml").write_text('title = "Mine"\n[[panel]]\nkind = "cart"\n')
    own = Server(tmp_path, lake=served.lake, pipeline=tmp_path / "ads.py")
    own.start()
    try:
        look = Look(context.new_page(), own.url)
        look.tab.goto(own.url)
        look["problem"].wait_for()
        told = look["problem"].inner_text()
        assert "mine.toml" in told
        assert "did you mean chart?" in told
        # mended while the server runs: the page finds it by itself
        (tmp_path / "boards" / "mine.toml").write_text(
            'title = "Mine"\n[[panel]]\nkind = "report"\ntitle = "Hours"\nreport = "revenue_1h"\n'
        )
        look["tab-mine"].wait_for()
        look.ready()
        assert look.rows("table-p0")
        # so is another one, with the next tab that is opened
        (tmp_path / "boards" / "other.toml").write_text('title = "Other"\n[[panel]]\nkind = "late"\n')
        look["tab-pipeline"].click()
        look["tab-other"].click()
        look["board-other"].wait_for()
    finally:
        assert own.stop() == 0, own.told()
