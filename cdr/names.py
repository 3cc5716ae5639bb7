"""Names of carriers, DIDs, clients, accounts and aliases as they were at a call, looked up in bulk."""

from collections.abc import Iterable
from typing import Any

from accounts.models import Account, Alias
from carriers.models import Carrier, CarrierAccount
from cdr.models import CDR
from dids.models import DID
from routing.models import ConfigChange

# What a deleted row was called is still in its last change.
LABEL_IN_BODY = {
    "carrier": "name",
    "carrier_account": "network",
    "did": "number",
    "account": "name",
    "client": "name",
    "alias": "username",
}


class Names:
    """The names of the ids that some records hold; one query per kind, whatever the number of records."""

    def __init__(self, records: Iterable[CDR]) -> None:
        records = list(records)
        self.carriers = self._names("carrier", Carrier, "name", {r.carrier_id for r in records})
        self.carrier_accounts = self._names(
            "carrier_account", CarrierAccount, "network", _ids(records, "carrier_account_id")
        )
        self.dids = self._names("did", DID, "number", {r.did_id for r in records})
        self.aliases = self._names("alias", Alias, "username", {r.alias_id for r in records})
        self.accounts: dict[int, tuple[str, int, str]] = {}
        account_ids = {r.account_id for r in records if r.account_id is not None}
        if account_ids:
            rows = Account.objects.filter(id__in=account_ids).values_list("id", "name", "client_id", "client__name")
            self.accounts = {row[0]: row[1:] for row in rows}

    def fill(self, record: CDR) -> None:
        """Write the names into a record, where it has none yet."""
        if record.carrier_id:
            record.carrier_label = record.carrier_label or self.carriers.get(record.carrier_id, "")[:100]
        if record.carrier_account_id:
            label = self.carrier_accounts.get(record.carrier_account_id, "")
            record.carrier_account_label = record.carrier_account_label or label[:100]
        if record.did_id:
            number = self.dids.get(record.did_id, "")
            record.did_label = record.did_label or (f"+{number}" if number else "")
        if record.alias_id:
            record.alias_label = record.alias_label or self.aliases.get(record.alias_id, "")
        if record.account_id and (found := self.accounts.get(record.account_id)):
            record.account_label = record.account_label or found[0]
            record.client_id, record.client_label = found[1], record.client_label or found[2]

    @staticmethod
    def _names(kind: str, model: Any, column: str, ids: set[int | None]) -> dict[int, str]:
        wanted = {pk for pk in ids if pk is not None}
        if not wanted:
            return {}
        found = {pk: str(name) for pk, name in model.objects.filter(pk__in=wanted).values_list("pk", column)}
        gone = wanted - found.keys()
        if gone:
            changes = (
                ConfigChange.objects.filter(kind=kind, row_id__in=gone, body__isnull=False)
                .order_by("row_id", "-version")
                .distinct("row_id")
            )
            found |= {change.row_id: str((change.body or {}).get(LABEL_IN_BODY[kind], "")) for change in changes}
        return found


def _ids(records: list[CDR], column: str) -> set[int | None]:
    return {getattr(record, column) for record in records}
