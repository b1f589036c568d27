"""The wallet over gRPC: an entry point to the same services and selectors as REST."""
