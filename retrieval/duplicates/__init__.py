"""Near-duplicates: photos that are crops, copies or edits of one another."""
