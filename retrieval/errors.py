"""Every error SegSearch raises on purpose, as one tree.

::

    RetrievalError
    ├── ConfigurationError          a setting is wrong
    ├── ImageError                  a picture cannot be used
    │   ├── UnreadableImageError    broken, truncated, empty, or decoding crashed or took too long
    │   ├── ImageTooLargeError      more pixels, bytes, scans … than the limit
    │   └── ImageTooSmallError      too few pixels to hold a segment
    ├── ModelError                  a network cannot be built
    │   ├── WeightsMissingError     the weights file is not there
    │   ├── WeightsCorruptError     it is there, but is not what it should be
    │   └── OutOfDeviceMemoryError  a batch does not fit the device
    ├── IndexFileError              the files of the vector index
    │   ├── IndexMissingError       there are none
    │   ├── IndexMismatchError      made by another recipe or for another catalogue
    │   ├── IndexDamagedError       not what was written
    │   └── IndexLockedError        another process writes them
    ├── CatalogError                the catalogue
    │   ├── UnknownImageError       no photo has this id
    │   ├── UnknownSegmentError     no segment has this id
    │   ├── UnknownQueryError       no kept query has this id
    │   ├── UnknownFeedbackError    no search with judgements has this id
    │   ├── UnknownConceptError     no concept has this id
    │   ├── UnknownUserError        no user has this name or id
    │   ├── UnknownTokenError       no API token has this id
    │   ├── CatalogUnavailableError the database is locked, full or out of reach: later it may do
    │   │   └── CatalogConflictError  another program changed the same at the same moment
    │   ├── CatalogDamagedError     the database's file is not whole
    │   └── SchemaOutdatedError     the database needs ``migrate``, or a newer SegSearch
    ├── AccountError                a user or token that cannot be as it was asked for
    ├── QueryError                  a search that cannot be answered as asked
    └── AnalyzerUnavailableError    the process that segments query photos is not up
        └── AnalyzerBusyError       too much waits for it already

A wrong argument given by a programmer is a ``ValueError`` or ``TypeError`` and not in this tree.
Every message says what is wrong, with which thing, and what to do.
"""


class RetrievalError(Exception):
    """Root of the tree; the message is fit to be shown to a user."""


class ConfigurationError(RetrievalError):
    """A setting is missing or malformed."""


class ImageError(RetrievalError):
    """A picture cannot be used."""


class UnreadableImageError(ImageError):
    """The file is broken, truncated or empty, or its decoding crashed or took too long."""


class ImageTooLargeError(ImageError):
    """The picture holds more pixels, bytes, scans, strips or pieces of metadata than the limit allows."""


class ImageTooSmallError(ImageError):
    """The picture is too small or too thin to hold a segment."""


class ModelError(RetrievalError):
    """A network cannot be built."""


class WeightsMissingError(ModelError):
    """A weights file is not where it is looked for; the message names the place."""


class WeightsCorruptError(ModelError):
    """A weights file does not hold what it should."""


class OutOfDeviceMemoryError(ModelError):
    """A batch does not fit the device's memory; a smaller one may."""


class IndexFileError(RetrievalError):
    """The files of the vector index cannot be used."""


class IndexMissingError(IndexFileError):
    """There are no index files."""


class IndexMismatchError(IndexFileError):
    """The index was made by another recipe, or does not belong to this catalogue."""


class IndexDamagedError(IndexMismatchError):
    """The files are not what was written; a new index can be made from the catalogue at any time."""


class IndexLockedError(IndexFileError):
    """Another process is writing the index files."""


class CatalogError(RetrievalError):
    """The catalogue cannot answer."""


class CatalogUnavailableError(CatalogError):
    """The database is locked by another program, out of reach, or its disk is full; it may do when tried again."""


class CatalogConflictError(CatalogUnavailableError):
    """Another program changed the same at the same moment; it does when tried again."""


class CatalogDamagedError(CatalogError):
    """The file of the database is not whole."""


class UnknownImageError(CatalogError):
    """No photo has this id."""


class UnknownSegmentError(CatalogError):
    """No segment has this id."""


class UnknownQueryError(CatalogError):
    """No kept query has this id: it never existed or its time is over."""


class UnknownFeedbackError(CatalogError):
    """No search with judgements has this id."""


class UnknownConceptError(CatalogError):
    """No concept has this id."""


class UnknownClusterError(CatalogError):
    """No cluster has this id."""


class ClustersChangedError(CatalogError):
    """Another process changed the clusters meanwhile."""


class UnknownUserError(CatalogError):
    """No user has this name or id."""


class UnknownTokenError(CatalogError):
    """No API token has this id."""


class SchemaOutdatedError(CatalogError):
    """The database was made by another version of the schema."""


class AccountError(RetrievalError):
    """A user or an API token cannot be made or changed as it was asked."""


class QueryError(RetrievalError):
    """A search cannot be answered as it was asked."""


class AnalyzerUnavailableError(RetrievalError):
    """The process that segments query photos is not up (yet)."""


class AnalyzerBusyError(AnalyzerUnavailableError):
    """So much waits for the process already that it takes nothing more."""
