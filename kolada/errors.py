"""What can go wrong with the source.

KoladaError
├── UnreachableError      no answer: connection, timeout, 5xx that go on
├── RefusedError          Kolada understood and said no: 4xx
├── AnswerError           an answer that cannot be used: HTML, cut JSON, other rows than asked for
├── UnknownIdError        an id that Kolada does not have
├── LedgerError           the ledger is damaged, locked or cannot be written
└── ArchiveError          a folder that is not an archive, or not a whole one
"""


class KoladaError(Exception):
    """Anything that went wrong between Kolada and the ledger."""


class UnreachableError(KoladaError):
    """No usable connection, also after every retry."""


class RefusedError(KoladaError):
    """Kolada refused the request; asking again gives the same answer."""


class AnswerError(KoladaError):
    """An answer came, but not one that may be stored."""


class UnknownIdError(KoladaError):
    """An id that Kolada does not have."""


class LedgerError(KoladaError):
    """The ledger is damaged, locked or cannot be written."""


class ArchiveError(KoladaError):
    """A folder that is not an archive."""
