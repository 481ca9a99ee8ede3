"""The base of all views: a view overrides the events that it shows."""

from slipway_engine.events import Span


class View:
    """Shows nothing."""

    last: Span | None = None  # the step whose output is at the bottom of the screen, if there is one

    def started(self, span: Span) -> None:
        """Handle the start of a span."""

    def logged(self, span: Span, line: str) -> None:
        """Handle a line of output."""

    def ended(self, span: Span) -> None:
        """Handle the end of a span."""

    def pause(self) -> None:
        """Stop writing to the terminal: a shell uses it."""

    def resume(self) -> None:
        """Write to the terminal again."""

    def stop(self) -> None:
        """Show the final state and release the terminal."""
