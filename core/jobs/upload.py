"""Refuse an upload that is too large before it fills a disk, whatever page it is sent to."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile

from core.jobs.rows import MAX_BYTES

# Beside the file a form sends its other fields and the borders between them.
SLACK = 64 * 1024


class BoundedUploadHandler(FileUploadHandler):
    """Stands before Django's own handlers: a file beyond MAX_BYTES is passed over and the request remembers it."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.announced = self.received = 0

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *args: Any, **kwargs: Any) -> None:
        """Note how much is announced."""
        self.announced = content_length

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Pass over a file that is too large by what the request says of itself."""
        super().new_file(*args, **kwargs)
        self.received = 0
        if self.announced > MAX_BYTES + SLACK:
            self._refuse()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Pass over a file that turns out to be too large."""
        self.received += len(raw_data)
        if self.received > MAX_BYTES:
            self._refuse()
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the file to the next handler."""

    def _refuse(self) -> None:
        if self.request is not None:
            self.request.upload_too_large = True  # type: ignore[attr-defined]
        raise SkipFile


def upload_too_large(request: Any) -> bool:
    """Tell whether a file of this request was passed over; it is taken in now if nobody has asked for it yet."""
    request.FILES  # noqa: B018 - Django reads the body when it is first asked for
    return getattr(request, "upload_too_large", False)
