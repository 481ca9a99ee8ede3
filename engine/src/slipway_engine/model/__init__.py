"""What pipelines describe: immutable values, named by the digest of their description. Nothing here is executed."""
