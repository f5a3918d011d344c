"""Where the own packages are; what an installed Tidemill says of itself is in tests/dist."""

from dataflow.root import INSTALLED, ROOT


def test_in_the_tree_the_packages_are_at_the_top() -> None:
    assert ROOT == ""
    assert not INSTALLED
