"""What every way to show progress can be told; each answers what concerns it."""

from slipway_engine.events import Span


class View:
    """Shows nothing."""

    last: Span | None = None  # the step whose output stands at the bottom of the screen, if any does

    def started(self, span: Span) -> None:
        """Learn that a span has begun."""

    def logged(self, span: Span, line: str) -> None:
        """Learn a line of output."""

    def ended(self, span: Span) -> None:
        """Learn that a span has ended."""

    def pause(self) -> None:
        """Leave the terminal alone: somebody else uses it."""

    def resume(self) -> None:
        """Have the terminal back."""

    def stop(self) -> None:
        """Show the final state and leave the terminal for good."""
