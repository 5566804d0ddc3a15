"""The source: Kolada's API and Kolada's own words; nothing of efficiency.

with KoladaClient() as kolada:
    rows = list(kolada.observations(kpi=["N15505"], municipality=["1489"], period=[2025]))
"""

from kolada.client import Answer, KoladaClient
from kolada.errors import KoladaError
from kolada.ledger import Ledger
from kolada.query import Query

__all__ = ["Answer", "KoladaClient", "KoladaError", "Ledger", "Query"]
