"""What the database itself refuses: whoever writes, an issued document stays as it was issued.

A document is born a draft and filled while it is one. Once issued, nothing of it changes but its state, from issued to
credited, and that only when a credit note of it has been issued.
"""

import pgtrigger

_REFUSE = "RAISE EXCEPTION USING MESSAGE = {words}, ERRCODE = 'restrict_violation';"

INVOICE = f"""
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            {_REFUSE.format(words="'an invoice begins as a draft'")}
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state = 'draft' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'issued' AND NEW.state = 'credited'
        AND to_jsonb(NEW) - 'state' = to_jsonb(OLD) - 'state'
        AND EXISTS (SELECT FROM invoices_invoice c WHERE c.corrects_id = OLD.id AND c.state = 'issued')
    THEN
        RETURN NEW;
    END IF;
    {_REFUSE.format(words="OLD.number || ' is issued and stays as it is'")}
"""

# The state is read under a lock that issuing waits for, so that no line slips in behind it.
LINE = f"""
    DECLARE
        parent record;
    BEGIN
        FOR parent IN
            SELECT number, state FROM invoices_invoice
            WHERE id IN (CASE WHEN TG_OP <> 'INSERT' THEN OLD.invoice_id END,
                         CASE WHEN TG_OP <> 'DELETE' THEN NEW.invoice_id END)
            FOR SHARE
        LOOP
            IF parent.state <> 'draft' THEN
                {_REFUSE.format(words="parent.number || ' is issued, and its lines stay as they are'")}
            END IF;
        END LOOP;
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END;
"""  # noqa: S608 - the texts are this file's own

# Released, so that the next invoice bills it again, an entry is only by a credit note that says so. It may still be a
# draft, so that its number is taken last; NOTE sees to it that it is issued.
ENTRY = f"""
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (
            SELECT FROM invoices_invoiceline l JOIN invoices_invoice i ON i.id = l.invoice_id
            WHERE l.id = NEW.line_id AND i.state <> 'draft'
        ) THEN
            {_REFUSE.format(words="'an issued invoice bills nothing more'")}
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND NOT OLD.released AND NEW.released
        AND to_jsonb(NEW) - 'released' = to_jsonb(OLD) - 'released'
        AND EXISTS (
            SELECT FROM invoices_invoiceline l JOIN invoices_invoice c ON c.corrects_id = l.invoice_id
            WHERE l.id = OLD.line_id AND c.effect = 'bill_again'
        )
    THEN
        RETURN NEW;
    END IF;
    {_REFUSE.format(words="'what an invoice has billed stays billed'")}
"""  # noqa: S608 - the texts are this file's own

# Looked at when the transaction commits: a credit note is issued in the one that makes it, or never was.
NOTE = f"""
    IF NOT EXISTS (SELECT FROM invoices_invoice i WHERE i.id = NEW.id AND i.state = 'issued') THEN
        {_REFUSE.format(words="'a credit note is issued where it is made'")}
    END IF;
    RETURN NULL;
"""

CHANGES = pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete


def issued_at_once(name: str) -> pgtrigger.Trigger:
    """Return the trigger that lets no credit note stay a draft, nor go again."""
    return pgtrigger.Trigger(
        name=name,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        timing=pgtrigger.Deferred,
        condition=pgtrigger.Q(new__kind="credit_note"),
        func=NOTE,
    )


def kept(name: str, func: str) -> pgtrigger.Trigger:
    """Return the trigger that runs one of these before every change of a row."""
    return pgtrigger.Trigger(name=name, when=pgtrigger.Before, operation=CHANGES, func=func)
