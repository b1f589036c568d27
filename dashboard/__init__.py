"""The pages that combine several apps: the first page of everybody, signed in or not."""
