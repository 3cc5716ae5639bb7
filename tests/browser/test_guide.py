"""The operator's guide "DID Number management", clicked from its first to its last step on the running product.

Each step quotes the guide. Only what the guide does outside the portal is done by other means: SIPp plays the
provider, and a phone registers with the secret that the portal showed.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.stack import Stack, eventually
from tests.switch.network import wait_in_force
from tests.switch.phone import Phone
from tests.switch.sipp import Carrier, hang_up, refused, talking

PROVIDER_ADDRESS = "127.0.51.7"
PROVIDER_SUBNET = "127.0.52.0/24"
INSIDE_SUBNET = "127.0.52.99"
NEW_ADDRESS = "127.0.53.1"
NUMBER, SHOWN, WRITTEN = "442079460018", "+44 20 7946 0018", "0044 20 79460018"
CARRIER, CLIENT, ACCOUNT, ALIAS = "Acme Numbers", "Bluebird Travel", "Head office", "reception"
SERIOUS = {"serious", "critical"}


@pytest.fixture
def portal(stack: Stack, context: BrowserContext) -> Iterator[Page]:
    """Log in as the first administrator; whatever the browser's console complains of fails the test."""
    complaints: list[str] = []
    page = context.new_page()
    page.on("console", lambda message: message.type in {"error", "warning"} and complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(stack.web_url)
    page.get_by_label("Username").fill(stack.user)
    page.get_by_label("Password").fill(stack.password)
    page.get_by_role("button", name="Log in").click()
    carriers, asked = page.get_by_role("link", name="Carriers"), page.get_by_role("heading", name="Change password")
    expect(carriers.or_(asked).first).to_be_visible()
    if asked.is_visible():
        choose_password(page, stack)
    expect(carriers).to_be_visible()
    yield page
    assert complaints == []


def choose_password(page: Page, stack: Stack) -> None:
    """Replace the password that the launcher printed, which the portal asks for before anything else."""
    chosen = f"chosen-{stack.password}"
    for field, value in (("oldpassword", stack.password), ("password1", chosen), ("password2", chosen)):
        page.locator(f"[name={field}]").fill(value)
    page.get_by_role("button", name="Change password").click()
    stack.password = chosen


def check_accessible(page: Page) -> None:
    """Fail on whatever axe calls serious on the page as it stands."""
    violations = Axe().run(page).response["violations"]
    serious = [(found["id"], found["nodes"][0]["html"]) for found in violations if found["impact"] in SERIOUS]
    assert serious == [], serious


def open_menu(page: Page, *names: str) -> None:
    """Click through the menu, such as Clients › Accounts."""
    menu = page.get_by_role("navigation").first
    for group in names[:-1]:
        menu.get_by_role("button", name=group, exact=True).click()
    menu.get_by_role("link", name=names[-1], exact=True).click()


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Tabs of").get_by_role("link", name=re.compile(rf"^{name}\b")).click()


def confirm(page: Page, words: str) -> None:
    expect(page.get_by_role("status").filter(has_text=words).first).to_be_visible()


@pytest.mark.timeout(300)
def test_the_guide(portal: Page, stack: Stack, tmp_path: Path) -> None:
    page = portal

    # "2. Identify the Carrier who is providing the DID numbers. 3. If the Carrier entry does not exist in your
    # system, create new Carrier."
    open_menu(page, "Carriers")
    page.get_by_role("link", name="Add carrier").first.click()
    page.get_by_label("Name").fill(CARRIER)
    page.get_by_role("button", name="Add", exact=True).click()
    open_menu(page, "Carriers")

    # "1. Click carriers name. "Main" tab will open. Check "Carrier is DID provider" checkbox."
    page.get_by_role("link", name=CARRIER).click()
    expect(page.get_by_role("link", name="Main")).to_have_attribute("aria-current", "page")
    page.get_by_label("Carrier is DID provider").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Carrier is DID provider")).to_be_checked()
    check_accessible(page)

    # "4. Make sure Carrier has some credit (few units)."
    page.get_by_role("link", name="Add payment").first.click()
    page.get_by_label("Amount").fill("5")
    page.get_by_role("button", name="Add payment").click()

    # "1. Click "Accounts" tab. Add all IP addresses one by one, or a range of IP addresses from where this DID
    # provider will send the calls."
    open_tab(page, "Accounts")
    page.get_by_role("link", name="Add IP address").first.click()
    expect(page.get_by_role("combobox", name="Product")).to_contain_text("free inbound")
    page.get_by_label("IP address").fill(PROVIDER_ADDRESS)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("row").filter(has_text=PROVIDER_ADDRESS)).to_be_visible()

    # "Add IP range: (example range - note "subnet" checkbox). Note that subnet should be added in CIDR notation"
    page.get_by_role("link", name="Add IP address").first.click()
    page.get_by_label("IP address").fill(PROVIDER_SUBNET)
    page.get_by_label("subnet").check()
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("row").filter(has_text=PROVIDER_SUBNET)).to_be_visible()
    check_accessible(page)

    # "note that you need the Product which allows inbound calls to reach the system for free. There is such product
    # named "free inbound" pre-created for this purpose."
    open_menu(page, "Products", "Products")
    page.get_by_role("link", name="free inbound").click()
    check_accessible(page)

    # "1. Click "DIDs" tab. Add DID numbers which are provided by this carrier one by one"
    open_menu(page, "Carriers")
    page.get_by_role("link", name=CARRIER).click()
    open_tab(page, "DIDs")
    page.get_by_role("link", name="Add DID number").first.click()
    page.get_by_role("textbox", name="DID number").fill(WRITTEN)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("link", name=SHOWN)).to_be_visible()
    check_accessible(page)

    # "1. Map the DID number to the IP address of your switch. Map format is sip:number@ipaddress."
    page.get_by_role("link", name=SHOWN).click()
    expect(page.get_by_text(f"sip:{NUMBER}@{stack.sip_host}:{stack.sip_port}", exact=True)).to_be_visible()
    check_accessible(page)

    # The client, its account and its alias, which the guide takes for granted.
    open_menu(page, "Clients", "Clients")
    page.get_by_role("link", name="Add client").first.click()
    page.get_by_label("Name*", exact=True).fill(CLIENT)
    page.get_by_role("button", name="Add", exact=True).click()
    open_menu(page, "Clients", "Accounts")
    page.get_by_role("link", name="Add account").first.click()
    page.get_by_label("Client").select_option(label=CLIENT)
    page.get_by_label("Name").fill(ACCOUNT)
    page.get_by_role("button", name="Add", exact=True).click()
    open_tab(page, "Aliases")
    page.get_by_role("link", name="Add alias").first.click()
    page.get_by_role("textbox", name="SIP user name").fill(ALIAS)
    page.get_by_role("button", name="Add", exact=True).click()
    secret = page.locator(".one-time .mono").first.inner_text().strip()
    check_accessible(page)

    # "1. Navigate to Clients > Accounts. Select the account and click "DIDs" tab. Click "Add DID number" button. The
    # list of available DIDs will be displayed."
    open_menu(page, "Clients", "Accounts")
    page.get_by_role("link", name=ACCOUNT).click()
    open_tab(page, "DIDs")
    page.get_by_role("link", name="Add DID number").first.click()
    check_accessible(page)

    # "1. Select the DID and choose alias to map from mapping."
    page.get_by_role("row").filter(has_text=SHOWN).get_by_role("checkbox").check()
    page.get_by_label("Choose alias from mapping").select_option(label=ALIAS)
    page.get_by_role("button", name="Map").click()
    confirm(page, f"{SHOWN} mapped to {ALIAS}")

    # "Make the test calls and evaluate messages in System Log to see the progress."
    wait_in_force()
    server = (stack.sip_host, stack.sip_port)
    provider = Carrier(server, PROVIDER_ADDRESS, tmp_path)
    assert provider.call(refused(487), NUMBER), "a call while no phone is registered is rejected with 487"
    with Phone(server, ALIAS, secret, ("127.0.54.1", 0)) as phone:
        eventually(lambda: phone.register(wait=3) == 200, what="the phone is registered")
        assert provider.call([*talking(1), *hang_up()], NUMBER), "the phone rings and answers"
        assert Carrier(server, INSIDE_SUBNET, tmp_path).call([*talking(1), *hang_up()], NUMBER)
        assert len(phone.received("INVITE")) == 2
        # "DID number provider sends call from new IP (which is not listed)"
        assert Carrier(server, NEW_ADDRESS, tmp_path).call(refused(403), NUMBER)

        open_menu(page, "Tools", "Registrations")
        page.wait_for_url("**/registrations/**")
        shown = page.get_by_role("row").filter(has_text=ALIAS).filter(has_text="127.0.54.1")
        eventually(lambda: shown.count() == 1 or page.reload() is None, what="its registration is shown")
        check_accessible(page)

    # "1. Check the System log if there are any "call reject" or "routing reject" messages."
    open_menu(page, "Reports", "System Log")
    # The live tail brings it, however late.
    entry = page.get_by_role("row").filter(has_text="call reject").filter(has_text=NEW_ADDRESS)
    expect(entry.first).to_be_visible()
    check_accessible(page)

    # "1. Next, look for CDR. Is it there, what is the disconnect cause."
    open_menu(page, "Reports", "CDR")
    page.get_by_role("searchbox").fill(NUMBER)
    expect(page.get_by_role("link", name="Clear all", exact=True)).to_be_visible()
    eventually(lambda: page.reload() is not None and page.locator("tbody tr").count() == 4, what="four CDRs")
    check_accessible(page)
    # "Error 487 (Request rejected) mean that the phone is not registered to the switch at the time when call is made."
    page.get_by_role("row").filter(has_text="487").get_by_role("link").first.click()
    expect(page.get_by_text("must be registered", exact=False).first).to_be_visible()
    check_accessible(page)

    open_menu(page, "Dashboard")
    expect(page.get_by_text("Unknown sources today")).to_be_visible()
    check_accessible(page)
