"""The protocol as pure functions: a query becomes a signed form; status, headers and body become a page or an error.

Source: the vendor's page ``DescribeUPhoneJob``. Where the sources contradict each other, none is believed: every shape
that has been documented or seen is read.
"""

from poller.wire.cities import CITIES_ACTION, Cities, cities_form, read_cities
from poller.wire.envelope import Reply, line
from poller.wire.jobs import ACTION, form, read_page

__all__ = ["ACTION", "CITIES_ACTION", "Cities", "Reply", "cities_form", "form", "line", "read_cities", "read_page"]
