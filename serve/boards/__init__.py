"""Boards: what a page shows, from files beside the pipeline, and one that is made from the rollups."""

from serve.boards.board import Board, Panel
from serve.boards.overview import overview
from serve.boards.shelf import board_files, boards_folder, check_boards, load_boards

__all__ = ["Board", "Panel", "board_files", "boards_folder", "check_boards", "load_boards", "overview"]
