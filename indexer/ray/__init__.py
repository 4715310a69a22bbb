"""Bulk analysis on a Ray cluster: the same work as `indexer.pipeline`, in processes of many machines."""
