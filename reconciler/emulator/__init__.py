"""A Clarifai service of our own: a real gRPC server with SQLite state that any Clarifai client can use."""
