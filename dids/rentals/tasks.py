"""What beat runs for rentals."""

from celery import shared_task
from django.db import connection

from dids.rentals import billing, dunning

LOCK = 1919250017  # 'rent' in ASCII plus some; any number that no other advisory lock of this database uses.


@shared_task
def bill_rentals() -> int:
    """Charge every rental period that has begun, as far as funds reach; suspend what stays unpaid, resume what is paid.

    Return how many charges were booked. Run twice or late, it charges each period once; so do two at once, but the
    second of them leaves the work to the first: a month's beginning may keep a worker busy for minutes.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
    try:
        billing.make_due()
        booked = billing.book_charges()
        dunning.follow_payments()
        return booked
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
