"""Every error SegSearch raises on purpose, as one tree.

::

    RetrievalError
    ├── ConfigurationError          a setting is wrong
    │   └── PluginError             a plug-in cannot be used
    ├── ImageError                  an image cannot be used
    │   ├── UnreadableImageError    broken, truncated, empty, or decoding crashed or took too long
    │   ├── UnreadableVideoError    the same of a video; or it has no pictures
    │   ├── ImageTooLargeError      more pixels, bytes, scans … than the limit
    │   └── ImageTooSmallError      too few pixels to hold a segment
    ├── ModelError                  a network cannot be built
    │   ├── WeightsMissingError     the weights file is not there
    │   ├── WeightsCorruptError     the weights file does not hold the expected weights
    │   └── OutOfDeviceMemoryError  a batch does not fit in the device's memory
    ├── IndexFileError              the files of the vector index cannot be used
    │   ├── IndexMissingError       there are none
    │   ├── IndexMismatchError      another recipe made them, or they belong to another catalogue
    │   │   └── IndexDamagedError   they are not as they were written
    │   └── IndexLockedError        another process is writing them
    ├── IndexUnavailableError       the server of the index is out of reach; a retry may succeed
    ├── CatalogError                the catalogue cannot answer
    │   ├── UnknownImageError       no photo has this id
    │   ├── UnknownSegmentError     no segment has this id
    │   ├── UnknownQueryError       no kept query has this id
    │   ├── UnknownFeedbackError    no search with judgements has this id
    │   ├── UnknownConceptError     no concept has this id
    │   ├── UnknownClusterError     no cluster has this id
    │   ├── ClustersChangedError    another process changed the clusters in the meantime
    │   ├── UnknownUserError        no user has this name or id
    │   ├── UnknownTokenError       no API token has this id
    │   ├── UnknownCollectionError  no collection has this id, or none that may be seen
    │   ├── CatalogUnavailableError the database is locked, full or out of reach; a retry may succeed
    │   │   └── CatalogConflictError  another program made a conflicting change at the same time
    │   ├── CatalogDamagedError     the database file is damaged
    │   └── SchemaOutdatedError     the database needs ``migrate``, or a newer SegSearch
    ├── AccountError                a user or token cannot be created or changed as requested
    ├── CollectionError             a collection cannot be made or changed as requested
    ├── StoreUnavailableError       an object store or web server cannot be read now; a retry may succeed
    ├── QueryError                  a search cannot be answered as requested
    └── AnalyzerUnavailableError    the process that segments query photos is not running
        └── AnalyzerBusyError       its queue is full

Wrong arguments from a programmer raise ``ValueError`` or ``TypeError``, which are not in this tree.
Every message says what is wrong, where, and what to do about it.
"""


class RetrievalError(Exception):
    """Root of the tree. The message can be shown to a user."""


class ConfigurationError(RetrievalError):
    """A setting is missing or malformed."""


class PluginError(ConfigurationError):
    """A part that another package brings cannot be used; the message names the package."""


class ImageError(RetrievalError):
    """An image cannot be used."""


class UnreadableImageError(ImageError):
    """The file is broken, truncated or empty, or its decoding crashed or took too long."""


class UnreadableVideoError(ImageError):
    """The file is broken or empty, has no pictures, or its decoding crashed or took too long."""


class ImageTooLargeError(ImageError):
    """The image has more pixels, bytes, scans, strips or pieces of metadata than the limit allows."""


class ImageTooSmallError(ImageError):
    """The image is too small or too thin to hold a segment."""


class ModelError(RetrievalError):
    """A network cannot be built."""


class WeightsMissingError(ModelError):
    """A weights file is missing; the message names the expected path."""


class WeightsCorruptError(ModelError):
    """A weights file does not hold the expected weights."""


class OutOfDeviceMemoryError(ModelError):
    """A batch does not fit in the device's memory; a smaller one may."""


class IndexFileError(RetrievalError):
    """The files of the vector index cannot be used."""


class IndexMissingError(IndexFileError):
    """There are no index files."""


class IndexMismatchError(IndexFileError):
    """The index was made by another recipe, or does not belong to this catalogue."""


class IndexDamagedError(IndexMismatchError):
    """The files are not as they were written; ``rebuild-index`` makes new ones from the catalogue."""


class IndexLockedError(IndexFileError):
    """Another process is writing the index files."""


class IndexUnavailableError(RetrievalError):
    """The server that holds the vectors is out of reach or too slow; a retry may succeed."""


class CatalogError(RetrievalError):
    """The catalogue cannot answer."""


class CatalogUnavailableError(CatalogError):
    """The database is locked by another program, out of reach, or its disk is full; a retry may succeed."""


class CatalogConflictError(CatalogUnavailableError):
    """Another program made a conflicting change at the same time; try again."""


class CatalogDamagedError(CatalogError):
    """The database file is damaged."""


class UnknownImageError(CatalogError):
    """No photo has this id."""


class UnknownSegmentError(CatalogError):
    """No segment has this id."""


class UnknownQueryError(CatalogError):
    """No kept query has this id: it never existed, or it has expired."""


class UnknownFeedbackError(CatalogError):
    """No search with judgements has this id."""


class UnknownExportError(CatalogError):
    """No export has this id: it never existed, or its time is over."""


class UnknownConceptError(CatalogError):
    """No concept has this id."""


class UnknownClusterError(CatalogError):
    """No cluster has this id."""


class ClustersChangedError(CatalogError):
    """Another process changed the clusters in the meantime."""


class UnknownUserError(CatalogError):
    """No user has this name or id."""


class UnknownCollectionError(CatalogError):
    """There is no such collection, or none that may be seen."""


class UnknownTokenError(CatalogError):
    """No API token has this id."""


class SchemaOutdatedError(CatalogError):
    """The database has the schema of another version."""


class AccountError(RetrievalError):
    """A user or an API token cannot be created or changed as requested."""


class CollectionError(RetrievalError):
    """A collection cannot be made or changed as requested."""


class StoreUnavailableError(RetrievalError, OSError):
    """An object store or web server is out of reach, refuses access, or is too slow; a retry may succeed."""


class QueryError(RetrievalError):
    """A search cannot be answered as requested."""


class AnalyzerUnavailableError(RetrievalError):
    """The process that segments query photos is not running (yet)."""


class AnalyzerBusyError(AnalyzerUnavailableError):
    """The queue of that process is full."""


class IdempotencyKeyReusedError(RetrievalError):
    """A key came with another request before."""


class IdempotencyKeyInUseError(RetrievalError):
    """The first request with a key is still being answered."""


class TooManyExportsError(RetrievalError):
    """A user has as many unfinished exports as one may have."""
