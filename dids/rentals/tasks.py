"""What beat runs for rentals."""

from celery import shared_task

from dids.rentals import billing, dunning


@shared_task
def bill_rentals() -> int:
    """Charge every rental period that has begun, as far as funds reach; suspend what stays unpaid, resume what is paid.

    Return how many charges were booked. Run twice, late or two at once, it charges each period once.
    """
    billing.make_due()
    booked = billing.book_charges()
    dunning.follow_payments()
    return booked
