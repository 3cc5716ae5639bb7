"""Room on the stack for a whole request.

CPython keeps the frames of a thread in chunks of 16 kB, and gives a chunk back to the system as soon as its first frame
returns. Where the edge of a chunk lies just below a loop, each call in the loop asks the system for a chunk and gives
it back: 6,000 times in a page of 250 log entries, half of its time; in other pages by chance of how deep they draw.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

# A frame of so many values of 8 bytes does not fit into 256 kB: its chunk has 512, of which it never touches its half.
SLOTS = 33_000

Handler = Callable[[HttpRequest], HttpResponseBase]


def stack_room(get_response: Handler) -> Handler:
    """Return the middleware that answers within one chunk; the outermost."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        return get_response(request)

    answer.__code__ = answer.__code__.replace(co_stacksize=SLOTS)
    return answer
