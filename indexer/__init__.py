"""What writes: finding photos, entering them, and keeping the index files in step. Stands on `retrieval` alone."""
