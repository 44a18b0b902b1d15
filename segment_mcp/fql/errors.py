"""Why a text is not FQL."""


class FqlError(ValueError):
    """A text that is not a query of Segment's filter query language, or one beyond this reader's bounds.

    `position` is the 0-based character at which the text stops making sense. Segment treats such a filter or
    trigger as failed and does not send the event on (api/public-api/fql.md, "Error Handling").
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position
