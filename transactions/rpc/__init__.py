"""The wallet over gRPC: another door to the same services and selectors as REST."""
