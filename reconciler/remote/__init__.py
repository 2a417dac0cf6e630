"""The one place that speaks gRPC: channels, stubs, paging, statuses, deadlines."""
