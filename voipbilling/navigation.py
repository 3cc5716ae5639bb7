"""The main menu and the parts of the settings; entries whose rule the user fails are left out."""

from core.navigation import NavGroup, NavItem, SettingsPart

NAVIGATION = (
    NavGroup("Dashboard", "layout-dashboard", (NavItem("Dashboard", "cdr:dashboard"),)),
    NavGroup(
        "Clients",
        "users",
        (
            NavItem("Clients", "accounts:client_list"),
            NavItem("Accounts", "accounts:account_list", match=("accounts:account_", "dids:accountdid_")),
            NavItem("Aliases", "accounts:alias_list"),
            NavItem("Invoices", "invoices:invoice_list", match=("invoices:",)),
        ),
    ),
    NavGroup(
        "Carriers",
        "building-broadcast-tower",
        (NavItem("Carriers", "carriers:carrier_list", match=("carriers:", "dids:carrierdid_")),),
    ),
    NavGroup("DIDs", "phone", (NavItem("DIDs", "dids:did_list", match=("dids:did_", "rentals:")),)),
    NavGroup(
        "Products",
        "tags",
        (
            NavItem("Products", "billing:product_list"),
            NavItem("Rates", "billing:ratetable_list", match=("billing:rate",)),
            NavItem("Rental plans", "rental_plans:rentalplan_list", match=("rental_plans:",)),
        ),
    ),
    NavGroup(
        "Reports",
        "report",
        (
            NavItem("CDR", "cdr:cdr_list"),
            NavItem("Margin", "reports:margin"),
            NavItem("Traffic", "reports:traffic"),
            NavItem("System Log", "syslog:logentry_list"),
            NavItem("Web access log", "syslog:accessentry_list"),
        ),
    ),
    NavGroup(
        "Tools",
        "tool",
        (
            NavItem("Call simulator", "routing:simulator", match=("routing:simulat",)),
            NavItem("Registrations", "accounts:registration_list"),
            NavItem("Bulk changes", "jobs:job_list", match=("jobs:",)),
        ),
    ),
    NavGroup(
        "Settings",
        "settings",
        (
            NavItem(
                "Settings",
                "core:settings",
                match=("core:settings", "core:user_", "mail:", "seller:", "billing:ledgercheck"),
            ),
        ),
    ),
)

SETTINGS_PARTS = (
    SettingsPart("Users", "core:user_list", "users", "Who may log in, and as what."),
    SettingsPart(
        "Billing", "seller:billingsettings", "receipt", "Company, tax, numbers and e-mail of invoices and documents."
    ),
    SettingsPart("Switches", "syslog:switch_list", "server", "Switches that send events, and their tokens."),
    SettingsPart(
        "Versions in force", "routing:versions", "versions", "Which decider and switch have which configuration."
    ),
    SettingsPart(
        "Ledger check", "billing:ledgercheck", "scale", "Whether every balance, charge and reservation adds up."
    ),
    SettingsPart("Outgoing mail", "mail:outgoingmail_list", "mail", "What was sent to clients, and what could not be."),
    SettingsPart("Dead letters", "syslog:deadletter_list", "mail-x", "Events that could not be taken in."),
)
