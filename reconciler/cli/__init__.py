"""The command line: options in, one session call, output and exit code out."""
